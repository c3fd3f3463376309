/** `bulkhead recommend`: the least set of policies for what was seen, and the policies that nobody used. */
import { createReadStream, lstatSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { quote } from '../base/diagnostic.ts'
import { Fault, messageOf } from '../base/fault.ts'
import { compile } from '../intent/compile.ts'
import { recommend } from '../analysis/recommend.ts'
import { flowText, recommendedFiles, recommendJson, useLines } from '../analysis/recommend-text.ts'
import { askedSet, brokenJson } from './load.ts'
import { seenFlows } from './recommend-read.ts'
import type { Recommendation } from '../analysis/seen.ts'
import type { Platform } from '../model/platform.ts'
import type { Writable } from '../analysis/write-documents.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'recommend',
  summary: 'from recorded flows, write the least set of policies and say which policies nobody used',
  usage: 'recommend FLOWS.jsonl DIR [--denied] [--out DIR]',
  example:
    'bulkhead flows --allowed --json > flows.jsonl\n' +
    'bulkhead recommend flows.jsonl examples/tre                    policies that could stand in place of those in DIR\n' +
    'bulkhead recommend flows.jsonl examples/tre --out proposed     the same as files, one for each enclave',
  positionals: [2, 2],
  options: {
    denied: { type: 'boolean', help: 'also cover what policies refused, not only what they allowed' },
    out: { type: 'string', value: 'DIR', help: 'write files into this new or empty folder' },
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const [file = '', directory = ''] = context.args
  const { out } = context
  const set = askedSet(context, directory)
  if (set === undefined) return 1
  const seen = seenFlows(await linesOf(context, file), context.options['denied'] === true)
  const found = recommend(set.platform, set.intent, seen.flows)
  if (seen.malformed > 0) out.note(`${seen.malformed} ${seen.malformed === 1 ? 'line is not a record and was' : 'lines are not records and were'} left out`)
  if (seen.unspoken > 0) out.note(`${seen.unspoken} records are about packets that no policy covers`)
  const refused = refusals(set.platform, found)
  if (context.json) out.json({ ...(recommendJson(found) as object), refused, ...brokenJson(set) })
  else {
    const folder = context.options['out']
    if (folder === undefined) print(context, found)
    else write(context, resolve(context.cwd, String(folder)), found)
  }
  for (const message of refused) out.note(`a set with these policies would be refused: ${message}`)
  return 0
}

/** With the recommended policies in place of those that are there. */
function refusals(platform: Platform, { documents }: Recommendation): readonly string[] {
  const only = <K extends Writable['kind']>(kind: K) => documents.flatMap(({ document }) => (document.kind === kind ? [document as Extract<Writable, { readonly kind: K }>] : []))
  const changed: Platform = {
    ...platform,
    externals: new Map([...platform.externals, ...only('External').map((external) => [external.name, external] as const)]),
    servicePolicies: only('ServicePolicy'), egressPolicies: only('EgressPolicy'), ingressPolicies: only('IngressPolicy'), federationPolicies: only('FederationPolicy'),
  }
  return compile(changed).diagnostics.filter((d) => d.severity === 'error').map((d) => d.message)
}

async function linesOf({ cwd, signal }: CommandContext, file: string): Promise<readonly string[]> {
  const stream = file === '-' ? process.stdin : createReadStream(resolve(cwd, file), { signal })
  try {
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer))
    return Buffer.concat(chunks).toString('utf8').split('\n')
  } catch (thrown) {
    throw new Fault('file-unreadable', `${quote(file)} cannot be read: ${messageOf(thrown)}`, { cause: thrown })
  }
}

function print({ out }: CommandContext, found: Recommendation): void {
  const files = recommendedFiles(found)
  let first = true
  for (const [name, text] of files) {
    out.write(`${first ? '' : '---\n'}# --- ${name} ---\n${text}`)
    first = false
  }
  for (const line of comments(found)) out.line(line === '' ? '#' : `# ${line}`)
}

function comments(found: Recommendation): readonly string[] {
  const uses = useLines(found)
  return [
    ...(found.documents.length === 0 ? ['nothing to cover: the records hold no such flow'] : []),
    ...(uses.length === 0 ? [] : ['', 'what is there now:', ...uses.map((line) => `  ${line}`)]),
    ...(found.left.length === 0 ? [] : ['', 'seen, and not covered:', ...found.left.map(({ flow, why }) => `  ${flowText(flow)}: ${why}`)]),
  ]
}

function write({ out }: CommandContext, folder: string, found: Recommendation): void {
  mkdirSync(folder, { recursive: true })
  const files = recommendedFiles(found)
  // A link that leads nowhere stands in the way too.
  const taken = [...files.keys()].find((name) => lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined)
  if (taken !== undefined) throw new Fault('usage', `${quote(join(folder, taken))} exists already`, { help: 'name a new or empty folder' })
  for (const [name, text] of files) writeFileSync(join(folder, name), text, { flag: 'wx' })
  out.line(`${files.size} ${files.size === 1 ? 'file' : 'files'} written`)
  for (const line of comments(found)) out.line(line)
}
