/** Documents as a git revision has them: `REV:DIR`, read from the repository's objects and never checked out. */
import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { defaultLimits, isPlainName } from '../base/files.ts'
import { quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { compareText } from '../base/location.ts'
import { run } from '../base/process.ts'
import type { FileLimits, ReadFiles } from '../base/files.ts'

interface Entry {
  readonly id: string
  readonly path: string
}

/** The parts of `REV:DIR`, or `undefined`; a folder of that name is meant first, so the caller looks for it before. */
export function parseRevision(text: string): { readonly revision: string; readonly folder: string } | undefined {
  const colon = text.indexOf(':')
  if (colon < 1 || text.startsWith('-')) return undefined
  return { revision: text.slice(0, colon), folder: text.slice(colon + 1) }
}

/** What `text` names when nothing of that name stands on disk; what cannot be looked at is left to whoever reads it, who says why. */
export function revisionOf(cwd: string, text: string): ReturnType<typeof parseRevision> {
  try {
    return statSync(resolve(cwd, text), { throwIfNoEntry: false }) === undefined ? parseRevision(text) : undefined
  } catch {
    return undefined
  }
}

/** Relative folders are looked up from `cwd`, as git does with `./`. The same files count as in a folder on disk. */
export async function readRevision(cwd: string, revision: string, folder: string, signal: AbortSignal, limits: FileLimits = defaultLimits): Promise<ReadFiles> {
  const inside = folder.replace(/\/+$/, '')
  const tree = `${revision}:./${inside === '.' ? '' : inside.replace(/^\.\//, '')}`
  const listed = await git(cwd, ['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', await treeId(cwd, tree, signal)], signal)
  const entries = entriesOf(listed)
  if (entries.length > limits.files) throw new Fault('usage', `${quote(`${revision}:${folder}`)} holds more than ${limits.files} documents`)
  const odd = entries.find(({ path }) => !isPlainName(path))
  if (odd !== undefined) throw new Fault('forbidden-character', `the name of ${quote(odd.path)} holds a control character in that revision`)
  const texts = await blobs(cwd, entries, signal, limits)
  const files = entries.map(({ path }, i) => ({ path, absolute: join(cwd, inside, path), text: texts[i] ?? '' }))
  return { files: files.sort((a, b) => compareText(a.path, b.path)), diagnostics: [] }
}

async function treeId(cwd: string, tree: string, signal: AbortSignal): Promise<string> {
  const { code, stdout, stderr } = await run(['git', 'rev-parse', '--verify', '--end-of-options', `${tree}`], { cwd, signal })
  const id = stdout.trim().split('\n').at(-1) ?? ''
  if (code === 0 && /^[0-9a-f]{40,64}$/.test(id)) return id
  throw new Fault('file-not-found', `git does not know ${quote(tree)}: ${stderr.trim().split('\n')[0] ?? ''}`, { help: 'write a folder, or REV:DIR such as `main:policies`' })
}

/** `MODE TYPE ID\tPATH`, ended by NUL. A symbolic link is no document; hidden names and node_modules are passed over. */
function entriesOf(listed: string): readonly Entry[] {
  return listed.split('\0').flatMap((line) => {
    const match = /^(\d+) blob ([0-9a-f]+)\t(.*)$/s.exec(line)
    const [, mode = '', id = '', path = ''] = match ?? []
    const steps = path.split('/')
    const passedOver = steps.some((step) => step.startsWith('.') || step === 'node_modules')
    return match === null || mode === '120000' || passedOver || !/\.(ya?ml|json)$/i.test(path) ? [] : [{ id, path }]
  })
}

/** One process for all: git says each object's size in bytes before it. */
async function blobs(cwd: string, entries: readonly Entry[], signal: AbortSignal, limits: FileLimits): Promise<readonly string[]> {
  if (entries.length === 0) return []
  const answer = Buffer.from(await git(cwd, ['cat-file', '--batch'], signal, entries.map(({ id }) => `${id}\n`).join(''), limits), 'utf8')
  const texts: string[] = []
  let at = 0
  for (const { id, path } of entries) {
    const end = answer.indexOf(0x0a, at)
    const [given, type, size] = answer.toString('utf8', at, Math.max(end, at)).split(' ')
    const from = end + 1
    const to = from + Number(size)
    // Bytes that are not UTF-8 were replaced on the way, so that the sizes no longer fit.
    if (given !== id || type !== 'blob' || answer[to] !== 0x0a) throw new Fault('not-utf8', `${quote(path)} or a file before it is not UTF-8 text in that revision`)
    if (to - from > limits.fileBytes) throw new Fault('file-too-large', `${quote(path)} is larger than ${limits.fileBytes} bytes in that revision`)
    texts.push(answer.toString('utf8', from, to))
    at = to + 1
  }
  return texts
}

async function git(cwd: string, args: readonly string[], signal: AbortSignal, input?: string, limits: FileLimits = defaultLimits): Promise<string> {
  const { code, stdout, stderr } = await run(['git', ...args], { cwd, signal, maxBytes: limits.totalBytes * 2, ...(input === undefined ? {} : { input }) })
  if (code === 0) return stdout
  throw new Fault('command-failed', `\`git ${args[0] ?? ''}\` ended with status ${code}: ${stderr.trim()}`)
}
