/** Puts a configuration before a running NATS server, and says "in force" only when the server has. */
import { randomBytes, randomInt } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { markKey } from './render.ts'

export interface RunningBroker {
  /** Puts a text into the configuration file, as a whole. */
  readonly write: (text: string) => Promise<void>
  /** Sends the server SIGHUP. */
  readonly reload: () => void
  /** Gives a function that tells what the server has written to its log since this one was called. */
  readonly listen: () => () => string
}

export type Applied =
  /** The server has taken this very text, has ended the connections of all who are not in it and the subscriptions that it does not allow. */
  | { readonly kind: 'in-force' }
  /** What was in force before still is; the new text stays in the file, so that no later start brings the old one back. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** Nobody knows what is in force: end the server. */
  | { readonly kind: 'silent' }

/** Replaces the file and waits until the server says what it made of it. One at a time for each server. */
export async function apply(text: string, broker: RunningBroker, { timeoutMs = 5_000 }: { readonly timeoutMs?: number } = {}): Promise<Applied> {
  const mark = randomInt(2, 2 ** 31)
  await broker.write(text.replace(new RegExp(`^${markKey}: \\d+$`, 'm'), `${markKey}: ${mark}`))
  const heard = broker.listen()
  const deadline = performance.now() + timeoutMs
  broker.reload()
  for (;;) {
    const said = heard()
    const failed = /Failed to reload server configuration: (.*)/.exec(said)
    if (failed !== null) return { kind: 'rejected', reason: failed[1] ?? '' }
    // A reload that an earlier signal asked for, or of another file, says nothing about this text.
    if (said.includes(`Reloaded: ${markKey} = ${mark}\n`) && said.includes('Reloaded server configuration')) return { kind: 'in-force' }
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
