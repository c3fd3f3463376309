/** One agent for each router namespace: two would undo each other's work. */
import { createServer } from 'node:net'
import { Fault } from '../base/fault.ts'

/** A name in the namespace itself, which the kernel takes back when its holder ends, however it ends. */
const name = '\0bulkhead-agent'

export async function becomeSoleAgent(): Promise<void> {
  const server = createServer((socket) => socket.destroy())
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', (error) => reject(new Fault('already-running', 'another agent is at work here', { help: 'end it with `bulkhead down`', cause: error })))
  server.listen(name, () => resolve())
  await promise
  server.unref()
}
