/** The agent's door: HTTP over a UNIX socket in the private state folder; nobody else can open it. */
import { closeSync, openSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { Fault, isFault, messageOf } from '../base/fault.ts'
import type { ErrorCode } from '../base/catalogue.ts'
import type { Server } from 'node:http'

export type Handler = (body: unknown) => Promise<unknown>

const socketName = 'agent.sock'
const maxBody = 256 * 1024 * 1024

/** Serves each handler at its path; a Fault travels to the caller as it is. */
export function serve(folder: string, handlers: Readonly<Record<string, Handler>>): Promise<Server> {
  const path = shortPath(folder)
  rmSync(join(folder, socketName), { force: true })
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    let size = 0
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBody) req.destroy()
      else chunks.push(chunk)
    })
    req.on('end', () => {
      const handler = Object.hasOwn(handlers, req.url ?? '') ? handlers[req.url ?? ''] : undefined
      const text = Buffer.concat(chunks).toString('utf8')
      const answer = async (): Promise<unknown> => {
        if (handler === undefined) throw new Fault('internal', `the agent does not know \`${req.url ?? ''}\``)
        return handler(text === '' ? undefined : JSON.parse(text))
      }
      answer().then(
        (value) => void res.writeHead(200).end(JSON.stringify(value ?? null)),
        (error: unknown) => void res.writeHead(500).end(JSON.stringify(faultToJson(error))),
      )
    })
  })
  server.requestTimeout = 0
  const { promise, resolve, reject } = Promise.withResolvers<Server>()
  server.once('error', reject)
  server.listen(path.name, () => {
    path.close()
    resolve(server)
  })
  return promise
}

/** Calls the agent; `agent-unreachable` when there is none, or when it says nothing for `silenceMs`. */
export function call(folder: string, what: string, body?: unknown, silenceMs = 0): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const path = shortPath(folder)
  const req = request({ socketPath: path.name, path: what, method: 'POST', agent: false }, (res) => {
    const chunks: Buffer[] = []
    res.on('data', (chunk: Buffer) => chunks.push(chunk))
    res.on('error', unreachable)
    res.on('end', () => {
      try {
        const value = JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
        if (res.statusCode === 200) resolve(value)
        else reject(faultFromJson(value))
      } catch (error) {
        unreachable(error as Error)
      }
    })
  })
  const unreachable = (error: Error): void =>
    reject(new Fault('agent-unreachable', 'the agent does not answer', { help: 'the last rules stay in force; `bulkhead up DIR` starts a new agent', cause: error }))
  req.on('close', () => path.close())
  req.on('error', unreachable)
  if (silenceMs > 0) req.setTimeout(silenceMs, () => req.destroy(new Error(`silent for ${silenceMs} ms`)))
  req.end(body === undefined ? '' : JSON.stringify(body))
  return promise
}

/** A socket's path may have 107 bytes at most (unix(7)), a state folder's any number: the folder is named by its descriptor. */
function shortPath(folder: string): { readonly name: string; readonly close: () => void } {
  let fd: number
  try {
    fd = openSync(folder, 'r')
  } catch (error) {
    throw new Fault('not-running', `there is no instance at \`${folder}\``, { help: 'start one with `bulkhead up DIR`', cause: error })
  }
  let open = true
  const close = (): void => {
    if (open) closeSync(fd)
    open = false
  }
  return { name: `/proc/self/fd/${fd}/${socketName}`, close }
}

function faultToJson(error: unknown): unknown {
  if (isFault(error)) return { code: error.code, message: error.message, help: error.help }
  return { code: 'internal', message: messageOf(error) }
}

function faultFromJson(value: unknown): Fault {
  const { code, message, help } = value as { code: ErrorCode; message: string; help?: string }
  return new Fault(code, message, help === undefined ? {} : { help })
}
