/** `bulkhead evidence`: one signed file with all that an auditor asks for, its key, and its check on another machine. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { keyId, sealEnvelope } from '../audit/evidence/dsse.ts'
import { loadCheckingKey, loadSigningKey, makeEvidenceKey } from '../audit/evidence/keys.ts'
import { evidenceStatement } from '../audit/evidence/statement.ts'
import { checkEvidence, goesOn, replayed } from '../audit/evidence/verify.ts'
import { escapeText, quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { makeStateFolder } from '../host/state.ts'
import { usage } from './arguments.ts'
import { count } from './diagnostics/text.ts'
import { instanceOf, instanceOptions } from './instance.ts'
import { sinceOption } from './instant.ts'
import { answersOf, recordedUse, requireStanding, standingOptions } from './standing-options.ts'
import { version } from './version.ts'
import type { CheckedEvidence } from '../audit/evidence/verify.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'evidence',
  summary: 'make one signed file for an auditor, or check one',
  usage: 'evidence --out FILE [--since DATE] [--profile NAME]... [--key FILE] | evidence key [--key FILE] | evidence verify FILE --key PUBLIC [--after EARLIER]',
  example: [
    'bulkhead evidence key                                    once: the key that signs, and its public half',
    'bulkhead evidence --out evidence.json --since 2027-01-01 --profile satre',
    'bulkhead evidence verify evidence.json --key key.pub     anywhere, with nothing else; exit status 1 when one byte is another',
  ].join('\n'),
  positionals: [0, 2],
  options: {
    ...instanceOptions,
    ...standingOptions,
    out: { type: 'string', value: 'FILE', help: 'where it is written' },
    key: { type: 'string', value: 'FILE', help: 'the key; by default that of the instance' },
    after: { type: 'string', value: 'EARLIER', help: 'with verify: it has to be later than earlier evidence, and its log of changes to go on from there' },
    'without-documents': { type: 'boolean', help: 'leave out the documents\' texts, for whoever may not see them' },
  },
  run,
}

async function run(context: CommandContext): Promise<ExitCode> {
  const [verb, file, ...more] = context.args
  if (verb === undefined) return make(context)
  if (verb === 'key' && file === undefined) return key(context)
  if (verb === 'verify' && file !== undefined && more.length === 0) return check(context, file)
  throw usage(command, `${quote(verb)} is not understood here`, 'write `evidence key`, `evidence verify FILE --key PUBLIC`, or no word at all')
}

function keyFile(context: CommandContext): string {
  const { options, cwd } = context
  return typeof options['key'] === 'string' ? resolve(cwd, options['key']) : join(instanceOf(context).folder, 'evidence.key')
}

function key(context: CommandContext): ExitCode {
  if (context.options['key'] === undefined) makeStateFolder(instanceOf(context).folder)
  const made = makeEvidenceKey(keyFile(context))
  if (context.json) context.out.json({ privateFile: made.privateFile, publicFile: made.publicFile, keyid: keyId(made.key) })
  else {
    context.out.line(`signs:  ${made.privateFile} (its owner's alone)`)
    context.out.line(`checks: ${made.publicFile} (for everybody)`)
    context.out.line(`keyid:  ${keyId(made.key)}`)
  }
  return 0
}

async function make(context: CommandContext): Promise<ExitCode> {
  const { options, out, json, now, cwd } = context
  const target = options['out']
  if (typeof target !== 'string') throw usage(command, '`bulkhead evidence` needs --out FILE')
  const signer = loadSigningKey(keyFile(context))
  const { folder } = instanceOf(context)
  const standing = await requireStanding(context)
  const profiles = answersOf(context, standing)
  if (profiles === undefined) return 1
  const statement = evidenceStatement({
    standing, folder, now, since: sinceOption(command, context), version: version(),
    documents: options['without-documents'] !== true,
    profiles,
    use: await recordedUse(context, standing),
  })
  writeFileSync(resolve(cwd, target), sealEnvelope(Buffer.from(statement), signer))
  const broken = standing.chain.problem !== undefined
  if (json) out.json({ file: resolve(cwd, target), keyid: keyId(signer), unseen: standing.unseen })
  else {
    for (const what of standing.unseen) out.note(`${out.paint('yellow', 'not seen')} ${escapeText(what)}`)
    out.line(`${target}: signed by ${keyId(signer).slice(0, 16)}`)
  }
  return broken ? 1 : 0
}

function check(context: CommandContext, file: string): ExitCode {
  const { options, out, json, cwd } = context
  if (typeof options['key'] !== 'string') throw usage(command, '`bulkhead evidence verify` needs --key PUBLIC', 'the public key comes from who made the evidence, by another way than the file')
  const publicKey = loadCheckingKey(resolve(cwd, options['key']))
  const evidence = checkEvidence(bytesOf(resolve(cwd, file)), publicKey, context.now)
  const { after } = options
  const earlier = typeof after === 'string' ? checkEvidence(bytesOf(resolve(cwd, after)), publicKey) : undefined
  const old = earlier === undefined ? undefined : replayed(earlier, evidence)
  if (old !== undefined) throw new Fault('evidence-invalid', old, { help: 'ask for evidence that is made now; the signature of an old file stays good' })
  const on = earlier === undefined ? undefined : goesOn(earlier, evidence)
  if (earlier !== undefined && on !== true) {
    throw new Fault('evidence-invalid', on === false ? 'its log of changes does not go on from that of the earlier evidence: lines were cut off or replaced' : 'its changes do not reach back to the earlier evidence', on === false ? {} : { help: 'ask for evidence with an earlier --since' })
  }
  if (json) out.json({ good: true, ...evidence.predicate, files: Object.keys(evidence.predicate.files).sort(), remarks: evidence.remarks, goesOn: on ?? null })
  else print(context, evidence, on)
  return 0
}

function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Fault('file-not-found', `${quote(path)} cannot be read`, { cause: error })
  }
}

function print({ out }: CommandContext, { predicate, changes, remarks }: CheckedEvidence, on: boolean | undefined): void {
  const { platform, trustDomain, made, documents, changes: told, files } = predicate
  out.line(`${out.paint('green', 'good')}: signed by this key, and unchanged`)
  out.line(`platform ${escapeText(platform)} (${escapeText(trustDomain)}), made ${escapeText(made)}`)
  out.line(`documents ${documents.sha256.slice(0, 12)}${documents.inForceSince === undefined ? ', not in force' : `, in force since ${documents.inForceSince}`}`)
  out.line(`${count(changes.length, 'change')}${told.since === undefined ? '' : ` since ${told.since}`}${told.head === undefined ? '' : `, the log ends with line ${told.head.seq}, ${told.head.hash.slice(0, 12)}`}${on === true ? ', and goes on from the earlier evidence' : ''}`)
  out.line(`${count(Object.keys(files).length, 'file')}: ${Object.keys(files).sort().map(escapeText).join(', ')}`)
  for (const remark of remarks) out.line(`${out.paint('yellow', 'remark')} ${escapeText(remark)}`)
}
