/** `bulkhead identity`: who vouches for this platform's workloads, for how long, and whom it believes. */
import { resolve } from 'node:path'
import { readFileSync } from 'node:fs'
import { formatInstant } from '../base/clock.ts'
import { quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { requestNewRoot, rootElsewhere } from '../identity/authority.ts'
import { decodeBundle } from '../identity/bundle.ts'
import { openBundleStore } from '../identity/bundle-store.ts'
import { lookAtAuthority } from '../identity/look.ts'
import { identityPlaces } from '../identity/places.ts'
import { requestIntermediate } from '../identity/request.ts'
import { readSvidFolder } from '../identity/svid-files.ts'
import { instanceOf, instanceOptions } from './instance.ts'
import type { AuthorityLook } from '../identity/look.ts'
import type { IdentityPlaces } from '../identity/places.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'

export const command: Command = {
  name: 'identity',
  summary: 'show the certificate authority, the identities it issued and the bundles of peers',
  usage: 'identity [--bundle | --rotate-root | --peer TRUST-DOMAIN --trust FILE | --trust-domain TRUST-DOMAIN --request DIR] [--name NAME]',
  example: [
    'bulkhead identity                                                  roots, identities and their ends, peers',
    'bulkhead identity --bundle > bundle.json                           for the operator of another platform',
    'bulkhead identity --peer partner.example.org --trust bundle.json   believe what that operator gave',
  ].join('\n'),
  positionals: [0, 0],
  options: {
    ...instanceOptions,
    bundle: { type: 'boolean', help: 'print the trust bundle of this platform' },
    'rotate-root': { type: 'boolean', help: 'ask the agent for a new root' },
    peer: { type: 'string', value: 'TRUST-DOMAIN', help: 'with --trust: whose bundle it is' },
    trust: { type: 'string', value: 'FILE', help: 'trust this bundle, whatever was trusted before' },
    'trust-domain': { type: 'string', value: 'TRUST-DOMAIN', help: 'with --request: for which platform' },
    request: { type: 'string', value: 'DIR', help: 'write a new key there, and a request to have it signed by a root that is kept elsewhere' },
  },
  run,
}

function run(context: CommandContext): Promise<ExitCode> {
  return Promise.resolve(answer(context))
}

function answer(context: CommandContext): ExitCode {
  const text = (name: string): string | undefined => (typeof context.options[name] === 'string' ? context.options[name] : undefined)
  const [peer, trust, trustDomain, request] = [text('peer'), text('trust'), text('trust-domain'), text('request')]
  const wanted = [context.options['bundle'] === true, context.options['rotate-root'] === true, (peer ?? trust) !== undefined, (trustDomain ?? request) !== undefined]
  if (wanted.filter(Boolean).length > 1) throw new Fault('usage', 'these options are for different things', { help: 'give one of --bundle, --rotate-root, --trust and --request' })
  if (trustDomain !== undefined || request !== undefined) {
    if (trustDomain === undefined || request === undefined) throw new Fault('usage', '--request and --trust-domain go together')
    return ask(context, resolve(context.cwd, request), trustDomain)
  }
  const places = identityPlaces(instanceOf(context).folder)
  const look = lookAtAuthority(places.authority)
  if (look === undefined) throw new Fault('not-running', `the instance \`${instanceOf(context).name}\` has no certificate authority`, { help: 'it is made when the platform first needs one' })
  if (peer !== undefined || trust !== undefined) {
    if (peer === undefined || trust === undefined) throw new Fault('usage', '--trust and --peer go together')
    return believe(context, places, peer, resolve(context.cwd, trust), look)
  }
  if (context.options['bundle'] === true) {
    context.out.write(look.document)
    return 0
  }
  if (context.options['rotate-root'] === true) {
    if (look.intermediateEnds === undefined) throw rootElsewhere()
    requestNewRoot(places.authority)
    context.out.line('asked for a new root: the agent publishes it within a minute, and it signs once everybody has had time to fetch the bundle')
    return 0
  }
  show(context, places, look)
  return 0
}

function ask({ out, json }: CommandContext, folder: string, trustDomain: string): ExitCode {
  const { keyFile, requestFile } = requestIntermediate(folder, trustDomain)
  if (json) out.json({ keyFile, requestFile })
  else {
    out.line(`key:     ${keyFile}`)
    out.line(`request: ${requestFile}`)
  }
  return 0
}

function believe({ out, now }: CommandContext, places: IdentityPlaces, trustDomain: string, file: string, look: AuthorityLook): ExitCode {
  if (trustDomain === look.bundle.trustDomain) throw new Fault('usage', `\`${trustDomain}\` is this platform`)
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new Fault('file-not-found', `${quote(file)} cannot be read`, { cause: error })
  }
  const bundle = decodeBundle(bytes, trustDomain)
  if (bundle.kind === 'refused') throw new Fault('bundle-refused', `${quote(file)} is not accepted: ${bundle.reason}`)
  openBundleStore(places.bundles).replace(bundle, now)
  out.line(`trusted: ${trustDomain}, ${count(bundle.authorities.length, 'root')}`)
  return 0
}

const stageWords = { active: 'signs', next: 'will sign', old: 'signs no more' } as const

function show({ out, json, now }: CommandContext, places: IdentityPlaces, look: AuthorityLook): void {
  const { trustDomain, sequence } = look.bundle
  const svids = places.svids().map(readSvidFolder).filter((svid) => svid !== undefined)
  const store = openBundleStore(places.bundles)
  const peers = [...store.all().values()].sort((a, b) => (a.trustDomain < b.trustDomain ? -1 : 1))
  if (json) {
    out.json({
      trustDomain, sequence: String(sequence), roots: look.roots.map((root) => ({ ...root, notAfter: formatInstant(root.notAfter) })),
      svids: svids.map(({ spiffeId, serial, notAfter }) => ({ spiffeId, serial, notAfter: formatInstant(notAfter) })),
      peers: peers.map((peer) => ({ trustDomain: peer.trustDomain, sequence: peer.sequence === undefined ? null : String(peer.sequence), roots: peer.authorities.length, believedUntil: formatInstant(lastEnd(peer.authorities)) })),
    })
    return
  }
  const ends = (at: number): string => (at < now ? out.paint('red', `ended ${formatInstant(at)}`) : `ends ${formatInstant(at)}`)
  out.line(`trust domain ${out.paint('bold', trustDomain)}, bundle ${sequence ?? ''}`)
  for (const root of look.roots) out.line(`  root ${root.fingerprint} ${stageWords[root.stage]}, ${ends(root.notAfter)}`)
  if (look.intermediateEnds !== undefined) out.line(`  intermediate ${ends(look.intermediateEnds)}`)
  for (const svid of svids) out.line(`  ${svid.spiffeId} ${ends(svid.notAfter)}`)
  for (const peer of peers) out.line(`  peer ${peer.trustDomain} bundle ${peer.sequence ?? 'without a number'}, ${count(peer.authorities.length, 'root')}, ${ends(lastEnd(peer.authorities))}`)
}

/** When nothing of it vouches for anything any more. */
function lastEnd(authorities: AuthorityLook['bundle']['authorities']): number {
  return Math.max(0, ...authorities.map((authority) => authority.notAfter))
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}
