/** Fetches another platform's trust bundle once. Who answers is certain before anything is asked; what it answers is bounded. */
import { request } from 'node:https'
import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { quote } from '../base/diagnostic.ts'
import { Fault, messageOf } from '../base/fault.ts'
import { bundleLimits, decodeBundle } from './bundle.ts'
import { bundleEndpointSpiffeId, parseSpiffeId } from './spiffe-id.ts'
import { verifySvid } from './verify-svid.ts'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { LookupFunction } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { TrustBundle } from './bundle.ts'

export interface BundleEndpoint {
  readonly trustDomain: string
  /** `https:`, without a user's name. */
  readonly url: string
  readonly profile: 'https_web' | 'https_spiffe'
  /** `https_spiffe`: who serves it; `spiffe://TRUST-DOMAIN/bundle-endpoint` when unsaid. */
  readonly spiffeId?: string
}

export interface FetchOptions {
  /** The bundles held already, for `https_spiffe`. */
  readonly bundles: ReadonlyMap<string, TrustBundle>
  readonly now: number
  /** PEM; authorities of the web besides those that Node comes with. */
  readonly webAuthorities?: readonly string[]
  /** Finds the addresses of a host; the system's way when unsaid. */
  readonly lookup?: LookupFunction
  /** For everything together. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const mostRedirects = 3

/** A Fault when it cannot be reached, is not who it should be, or answers anything but a bundle. */
export async function fetchBundle(endpoint: BundleEndpoint, options: FetchOptions): Promise<TrustBundle> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? 10_000)
  const signal = options.signal === undefined ? timeout : AbortSignal.any([timeout, options.signal])
  let at = endpointUrl(endpoint.url)
  for (let redirects = 0; ; redirects++) {
    const answer = await ask(endpoint, at, options, signal)
    if (typeof answer !== 'string') {
      const bundle = decodeBundle(answer, endpoint.trustDomain)
      if (bundle.kind === 'refused') throw new Fault('bundle-refused', `the bundle of \`${endpoint.trustDomain}\` is not accepted: ${bundle.reason}`)
      return bundle
    }
    if (redirects === mostRedirects) throw unreachable(endpoint, 'it leads from one address to the next without an end')
    at = endpointUrl(URL.canParse(answer, at.href) ? new URL(answer, at).href : answer)
  }
}

function endpointUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new Fault('bundle-unreachable', `${quote(text)} is not an \`https:\` address without a user's name`)
  }
  return url
}

/** The body, or where to ask instead. */
async function ask(endpoint: BundleEndpoint, url: URL, options: FetchOptions, signal: AbortSignal): Promise<Buffer | string> {
  let socket: TLSSocket | undefined
  try {
    socket = await greet(endpoint, url, options, signal)
    return await get(socket, endpoint, url, signal)
  } catch (error) {
    if (error instanceof Fault) throw error
    throw unreachable(endpoint, signal.aborted ? 'no answer in time' : messageOf(error), error)
  } finally {
    socket?.destroy()
  }
}

/** Shakes hands, and returns only when the other is who it should be: before that not a byte of a request is sent. */
function greet(endpoint: BundleEndpoint, url: URL, options: FetchOptions, signal: AbortSignal): Promise<TLSSocket> {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const web = endpoint.profile === 'https_web'
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const socket = connect({
    host, port: url.port === '' ? 443 : Number(url.port), minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'],
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // Under https_spiffe the certificate has no host name to check; `judge` decides instead.
    rejectUnauthorized: web,
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    ...(options.webAuthorities === undefined ? {} : { ca: [...options.webAuthorities] }),
  })
  const abort = (): void => void socket.destroy(new Error('no answer in time'))
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  socket.once('close', () => signal.removeEventListener('abort', abort))
  socket.once('error', reject)
  socket.once('close', () => reject(new Error('the connection ended')))
  socket.once('secureConnect', () => {
    try {
      if (!web) judge(endpoint, socket, options)
      else if (!socket.authorized) throw unreachable(endpoint, 'its certificate is not accepted')
      resolve(socket)
    } catch (error) {
      reject(error)
      socket.destroy()
    }
  })
  return promise
}

/** The server's SVID must be that of the endpoint, by a bundle that is held already. */
function judge(endpoint: BundleEndpoint, socket: TLSSocket, { bundles, now }: FetchOptions): void {
  const expected = endpoint.spiffeId ?? bundleEndpointSpiffeId(endpoint.trustDomain)
  const trustDomain = parseSpiffeId(expected)?.trustDomain ?? ''
  const bundle = bundles.get(trustDomain)
  if (bundle === undefined) {
    const help = `give the first bundle by hand, as its operator has it: \`bulkhead identity --peer ${trustDomain} --trust FILE\``
    throw new Fault('bundle-unreachable', `there is no bundle of \`${trustDomain}\` yet, so nobody can say who serves one`, { help })
  }
  const verdict = verifySvid(presentedChain(socket), new Map([[trustDomain, bundle]]), now)
  if (verdict.kind === 'refused') throw unreachable(endpoint, `its identity is not accepted: ${verdict.message}`)
  if (verdict.id.text !== expected) throw unreachable(endpoint, `it is ${quote(verdict.id.text)}, not ${quote(expected)}`)
}

/** What the other end presented, as DER, its own certificate first. */
function presentedChain(socket: TLSSocket): readonly Buffer[] {
  const chain: Buffer[] = []
  let certificate = socket.getPeerX509Certificate()
  while (certificate !== undefined && chain.length < 9 && !chain.some((der) => der.equals(certificate?.raw ?? der))) {
    chain.push(certificate.raw)
    certificate = certificate.issuerCertificate
  }
  return chain
}

function get(socket: TLSSocket, endpoint: BundleEndpoint, url: URL, signal: AbortSignal): Promise<Buffer | string> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | string>()
  const asked: ClientRequest = request({
    createConnection: () => socket, host: url.hostname, path: `${url.pathname}${url.search}`, maxHeaderSize: 16_384, signal,
    headers: { host: url.host, accept: 'application/json', connection: 'close' },
  })
  asked.on('error', reject)
  asked.on('response', (response: IncomingMessage) => {
    const status = response.statusCode ?? 0
    const { location } = response.headers
    if (status >= 300 && status < 400 && location !== undefined) return resolve(location)
    if (status !== 200) return reject(unreachable(endpoint, `it answers with status ${status}`))
    const parts: Buffer[] = []
    let size = 0
    response.on('data', (part: Buffer) => {
      size += part.length
      if (size > bundleLimits.bytes) {
        reject(new Fault('bundle-refused', `the bundle of \`${endpoint.trustDomain}\` is larger than ${bundleLimits.bytes} bytes`))
        socket.destroy()
      } else parts.push(part)
    })
    response.on('end', () => (response.complete ? resolve(Buffer.concat(parts)) : reject(new Error('the answer was cut short'))))
    response.on('error', reject)
  })
  asked.end()
  return promise
}

function unreachable(endpoint: BundleEndpoint, why: string, cause?: unknown): Fault {
  return new Fault('bundle-unreachable', `the bundle of \`${endpoint.trustDomain}\` cannot be fetched from ${quote(endpoint.url)}: ${why}`, { cause })
}
