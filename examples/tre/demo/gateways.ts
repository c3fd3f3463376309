/** What passes gateways: packages and a licence by name, results that travel encrypted, and who comes to the portal. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ask, asked, becomes, bulkhead, repository } from './instance.ts'
import type { Instance } from './instance.ts'

const notebook = { workload: 'workspace-a/notebook' }
const mirror = { workload: 'platform/package-mirror' }

interface Refused {
  readonly path: string
  readonly reason: string
}

/** Without an Envoy these paths stay closed, which is nothing wrong: they are told, and not shown. */
export async function gatewaysStand(instance: Instance): Promise<boolean> {
  const { gateways, refused } = ((await asked(instance, ['status'])) as { agent: { gateways: readonly { gateway: string }[]; refused: readonly Refused[] } }).agent
  if (gateways.some((g) => g.gateway === 'gateway-out') && gateways.some((g) => g.gateway === 'gateway-in')) return true
  instance.teller.step('There is no Envoy here, so these paths stay closed; everything else goes on')
  instance.teller.output(refused.map(({ path, reason }) => `${path}: ${reason}`).join('\n'))
  return false
}

export async function showNames(instance: Instance): Promise<void> {
  const { teller } = instance
  teller.step('What leaves, leaves by name: a gateway reads it in the handshake and looks its address up itself. What has to be encrypted is')
  const [allowed, refused, past, encrypted] = await Promise.all([
    ask(instance, notebook, ['http://localhost:8888/install?package=numpy', 'http://package-mirror.platform.internal:8080/licence'], { wait: 10 }),
    ask(instance, mirror, ['tls://203.0.113.10:443', 'tls://example.org:443']),
    ask(instance, notebook, ['tls://pypi.org:443']),
    ask(instance, { workload: 'workspace-b/notebook' }, ['http://localhost:8888/submit'], { wait: 10 }),
  ])
  allowed.forEach((x) => teller.output(`${x.url}\n  ${x.text}`))
  const text = allowed.map((x) => x.text).join('\n')
  teller.check(/"package":"numpy".*"upstream":"pypi\.org"/.test(text), 'notebook -> package-mirror -> pypi.org: the mirror fetched a package for it')
  teller.check(text.includes('"renewedBy":"licence.vendor.example"'), 'package-mirror -> licence-server: telemetry that somebody has accepted')
  encrypted.forEach((x) => teller.output(x.text))
  teller.check(encrypted.every((x) => x.text.includes('"study":"oncology"')), 'workspace-b/notebook -> airlock: from gateway to gateway by mutual TLS, under its own certificate')
  for (const [who, answers] of [['package-mirror', refused], ['notebook', past]] as const) {
    for (const x of answers) teller.check(!x.answered, `${who} -> ${x.url}: ${x.text}`)
  }
}

/** Who asks the portal for what, and how it has to answer. */
const visits: readonly (readonly [visit: string, answer: RegExp, what: string])[] = [
  ['nobody/results', / 302 to https:\/\/login\.tre\.example\/authorize$/, 'who has not signed in is sent to do so'],
  ['ada/results', / 200 .*"reader":"https:\/\/login\.tre\.example#ada"/, 'a researcher signs in and reads what was released'],
  ['ada/submissions', / 403/, 'what was handed in is not for researchers'],
  ['grace/submissions', / 200 .*"submissions"/, 'a data steward reads it: the institute says that she is one'],
  ['thief/results', / 401/, 'comes back with what somebody else was given'],
  ['guesser/results', / 401/, 'comes back with a code that nobody gave'],
  ['forger/results', / 401/, 'comes back to where he never went from'],
  ['copyist/results', / 302 to https:\/\/login\./, 'has cookies that the portal did not make'],
  ['bearer/results', / 302 to https:\/\/login\./, 'has a token, and has not signed in'],
]

export async function showPortal(instance: Instance): Promise<void> {
  const { teller } = instance
  teller.step('What enters, enters signed in: the portal sends people to the institute before anything reaches the airlock')
  const authority = join(instance.directory, 'portal-authority.pem')
  const roots = await bulkhead(instance, ['exec', 'platform/airlock', '--', 'cat', '/run/bulkhead/svid/bundle.pem'], { quiet: true })
  writeFileSync(authority, roots.stdout)
  const visitor = [process.execPath, join(repository, 'examples/tre/outside/visitor.mjs'), '--authority', authority]
  const visit = async (list: readonly string[], quiet: boolean): Promise<string> => (await bulkhead(instance, ['exec', '--outside', '--', ...visitor, ...list], { quiet })).stdout
  // The gateway has to find the issuer first, which began after it.
  await becomes(instance, async () => / 200 /.test(await visit(['ada/results'], true)), 15_000)
  const said = await visit(visits.map(([v]) => v), false)
  const lines = said.trimEnd().split('\n')
  for (const [v, answer, what] of visits) {
    const line = lines.find((l) => l.startsWith(`${v} `)) ?? `${v} got no answer`
    teller.check(answer.test(line), `${line.trim()}: ${what}`)
  }
}
