/** A forwarding proxy as institutions run them: CONNECT to ports of TLS, whole URLs for plain HTTP, and nothing else. It writes down what it was asked. */
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'

export interface Proxy {
  /** `CONNECT name:443`, `GET http://name/path`. */
  readonly asked: readonly string[]
  readonly port: number
}

/** `where`: to which address a name leads; others are not served. `from`: as whom it calls. */
export function serveProxy(address: string, port: number, where: (name: string) => string | undefined, from?: string): Promise<Proxy> {
  const asked: string[] = []
  const local = from === undefined ? {} : { localAddress: from }
  const server = createServer((incoming, answer) => {
    asked.push(`${incoming.method ?? ''} ${incoming.url ?? ''}`)
    const url = URL.canParse(incoming.url ?? '') ? new URL(incoming.url ?? '') : undefined
    const to = url === undefined ? undefined : where(url.hostname)
    if (url === undefined || to === undefined) {
      answer.writeHead(url === undefined ? 400 : 403).end('the proxy does not serve this\n')
      return
    }
    const onward = request({ ...local, host: to, port: url.port === '' ? 80 : Number(url.port), method: incoming.method, path: url.pathname + url.search, headers: { ...incoming.headers, via: '1.1 proxy' } }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    incoming.pipe(onward)
  })
  server.on('connect', (incoming, socket, head) => {
    asked.push(`CONNECT ${incoming.url ?? ''}`)
    socket.on('error', () => undefined)
    const [name = '', number = ''] = (incoming.url ?? '').split(':')
    const to = where(name)
    if (to === undefined || !['443', '8443'].includes(number)) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      return
    }
    const onward = connect({ ...local, host: to, port: Number(number) }, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      onward.write(head)
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
  })
  return new Promise((listening) => server.listen(port, address, () => listening({ asked, port: (server.address() as AddressInfo).port })))
}
