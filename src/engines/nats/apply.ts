/** Puts a configuration before a running NATS server, and says "in force" only when the server has. */
import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fingerprintKey } from './render.ts'

export interface RunningBroker {
  /** The configuration file as this process sees it; the server may see it elsewhere. */
  readonly file: string
  /** Sends the server SIGHUP. */
  readonly reload: () => void
  /** All that the server has written to its log since it was started, or since any earlier moment. */
  readonly log: () => string
}

export type Applied =
  /** The server has taken this very text, has ended the connections of all who are not in it and the subscriptions that it does not allow. */
  | { readonly kind: 'in-force' }
  /** What was in force before still is; the new text stays in the file, so that no later start brings the old one back. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** Nobody knows what is in force: end the server. */
  | { readonly kind: 'silent' }

/** Replaces the file as a whole and waits until the server says what it made of it. One at a time for each server. */
export async function apply(text: string, { file, reload, log }: RunningBroker, { timeoutMs = 5_000 }: { readonly timeoutMs?: number } = {}): Promise<Applied> {
  const before = fingerprintOf(await readFile(file, 'utf8').catch(() => ''))
  await replaceFile(file, text)
  const wanted = fingerprintOf(text)
  const mark = log().length
  const deadline = performance.now() + timeoutMs
  reload()
  for (;;) {
    const said = log().slice(mark)
    const failed = /Failed to reload server configuration: (.*)/.exec(said)
    if (failed !== null) return { kind: 'rejected', reason: failed[1] ?? '' }
    // A reload that an earlier signal asked for says nothing about this text, unless it says its fingerprint.
    const taken = before === wanted || said.includes(`Reloaded: ${fingerprintKey} = ${wanted}\n`)
    if (taken && said.includes('Reloaded server configuration')) return { kind: 'in-force' }
    if (performance.now() > deadline) return { kind: 'silent' }
    await sleep(10)
  }
}

/** Who reads the file finds the old text or the new one. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(beside, text, { mode: 0o600 })
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}

function fingerprintOf(text: string): string {
  return new RegExp(`^${fingerprintKey}: (\\d+)$`, 'm').exec(text)?.[1] ?? ''
}
