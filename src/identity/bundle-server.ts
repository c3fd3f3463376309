/** Serves the platform's trust bundle over HTTPS, to anybody: it holds public keys alone. Nothing else is answered. */
import { createServer } from 'node:https'
import { Fault, messageOf } from '../base/fault.ts'
import { encodeBundle } from './bundle.ts'
import type { AddressInfo } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { TrustBundle } from './bundle.ts'
import type { Svid } from './svid.ts'

/** How the server shows who it is. */
export type EndpointProfile =
  /** PEM, from an authority of the web; asked again when it may have been renewed. */
  | { readonly kind: 'https_web'; readonly certificate: () => { readonly chain: string; readonly key: string } }
  /** The SVID of the endpoint, for callers who hold our bundle already. */
  | { readonly kind: 'https_spiffe'; readonly svid: () => Svid }

export interface BundleServerOptions {
  readonly bundle: () => TrustBundle
  readonly profile: EndpointProfile
  readonly host: string
  /** 0 for any. */
  readonly port: number
  /** `/bundle.json` when unsaid. */
  readonly path?: string
}

export interface BundleServer {
  readonly port: number
  /** Takes a renewed certificate into use for new connections. Done by itself every 15 s, too. */
  readonly renew: () => void
  readonly stop: () => Promise<void>
}

/** Mozilla's intermediate list for TLS 1.2; TLS 1.3 has its own. */
const ciphers = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'].join(':')
const mostConnections = 256

export async function serveBundle(options: BundleServerOptions): Promise<BundleServer> {
  const { host, port, path = '/bundle.json' } = options
  const certificate = (): SecureContextOptions => {
    if (options.profile.kind === 'https_web') {
      const { chain, key } = options.profile.certificate()
      return { cert: chain, key }
    }
    const { chain, key } = options.profile.svid()
    return { cert: chain, key: key.reveal() }
  }
  const tls = { minVersion: 'TLSv1.2', ciphers } as const
  let shown = certificate()
  const server = createServer({ ...tls, ...shown, handshakeTimeout: 5000, headersTimeout: 5000, requestTimeout: 10_000, connectionsCheckingInterval: 2000, keepAliveTimeout: 5000, maxHeaderSize: 8192 }, (request, response) => {
    const end = (status: number, headers: Readonly<Record<string, string>>, body = ''): void => {
      response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)), 'x-content-type-options': 'nosniff' })
      response.end(request.method === 'HEAD' ? undefined : body)
      // What else the caller sends is of no interest.
      request.resume()
    }
    const [asked] = (request.url ?? '').split('?')
    if (request.method !== 'GET' && request.method !== 'HEAD') end(405, { allow: 'GET, HEAD', connection: 'close' })
    else if (asked !== path) end(404, {})
    else end(200, { 'content-type': 'application/json', 'cache-control': 'no-cache' }, encodeBundle(options.bundle()))
  })
  server.maxConnections = mostConnections
  server.maxRequestsPerSocket = 100
  server.on('clientError', (_error, socket) => socket.destroy())

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new Fault('network-failed', `the bundle endpoint cannot listen on \`${host}\` port ${port}: ${messageOf(error)}`, { cause: error })))
    server.listen({ host, port }, resolve)
  })
  const renew = (): void => {
    const next = certificate()
    if (next.cert === shown.cert) return
    server.setSecureContext({ ...tls, ...next })
    shown = next
  }
  const timer = setInterval(() => {
    try {
      renew()
    } catch {
      // The one before stays until there is a new one; who calls `renew` hears why.
    }
  }, 15_000)
  timer.unref()
  return Object.freeze({
    port: (server.address() as AddressInfo).port,
    renew,
    stop: () => {
      clearInterval(timer)
      return new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  })
}
