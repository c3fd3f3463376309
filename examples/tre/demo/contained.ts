/** The first half of the demonstration: what the documents allow works, what they do not is refused and recorded, and both are proved. */
import { becomes, ask, bulkhead } from './instance.ts'
import { addressOf, url } from './addresses.ts'
import type { Addresses } from './addresses.ts'
import type { Answer, Instance } from './instance.ts'

const notebookA = { workload: 'workspace-a/notebook' }
const notebookB = { workload: 'workspace-b/notebook' }
/** A network of the hospital, and one that is nobody's in particular. */
const hospital = { outside: '192.0.2.7' }
const stranger = { outside: '198.18.0.9' }
const published = 'http://198.51.100.10/'

/** The databases take longest to be ready; an API answers when its database does. */
export async function waitForServices(instance: Instance): Promise<void> {
  const answers = await Promise.all([notebookA, notebookB].map((from) => ask(instance, from, ['http://api-service:8080/summary'], { quiet: true, wait: 30 })))
  instance.teller.check(answers.flat().every((a) => a.text.includes('"patients"')), 'both workspaces work: notebook, API and PostgreSQL')
}

export async function showAllowed(instance: Instance): Promise<void> {
  const { teller } = instance
  teller.step('What the policies allow works')
  const [a, b] = await Promise.all([
    ask(instance, notebookA, ['http://api-service:8080/summary', 'http://api-service:8080/version', 'http://localhost:8888/submit']),
    ask(instance, notebookB, ['http://api-service:8080/summary']),
  ])
  a.forEach((x) => teller.output(`${x.url}\n  ${x.text}`))
  const text = a.map((x) => x.text).join('\n')
  teller.check(text.includes('"study":"cardiology"') && text.includes('PostgreSQL'), 'notebook -> api-service -> postgres-db: an answer in SQL from PostgreSQL')
  teller.check(text.includes('"released":true'), 'notebook -> airlock: a result was submitted and released')
  b.forEach((x) => teller.output(x.text))
  teller.check(b.every((x) => x.text.includes('"study":"oncology"')), 'the same name in the other workspace is another database, with other data')
  const collected = await ask(instance, hospital, [published])
  collected.forEach((x) => teller.output(x.text))
  teller.check(collected.every((x) => x.text.includes('"cardiology"')), 'hospital -> published address -> airlock: the released result is collected')
}

export async function showRefused(instance: Instance, addresses: Addresses): Promise<void> {
  const { teller } = instance
  teller.step('Everything else is refused, whatever address is tried')
  const to = (workload: string, port: number): readonly string[] => ([4, 6] as const).map((family) => url('tcp', addressOf(addresses, workload, family), port))
  const first = (urls: readonly string[]): readonly string[] => urls.slice(0, 1)
  const targets: readonly (readonly [what: string, urls: readonly string[]])[] = [
    ['its own database, past the API', to('workspace-a/postgres-db', 5432)],
    ["the other workspace's database", to('workspace-b/postgres-db', 5432)],
    ["the other workspace's notebook", to('workspace-b/notebook', 8888)],
    ['the airlock, on a port nobody opened', to('platform/airlock', 22)],
    ['pypi, past the mirror', ['http://203.0.113.10/', 'http://[2001:db8:113:1::10]/']],
    ['the internet', ['tcp://1.1.1.1:443', 'tcp://[2606:4700:4700::1111]:443', 'udp://9.9.9.9:53']],
    ['the metadata service', ['http://169.254.169.254/', 'http://[fd00:ec2::254]/']],
    ['the router itself', ['tcp://169.254.1.1:22']],
    ['the published address, from inside', [published]],
  ]
  const [answers, forged, unknown, around] = await Promise.all([
    ask(instance, notebookA, targets.flatMap(([, urls]) => urls)),
    ask(instance, notebookA, first(to('workspace-a/postgres-db', 5432)), { as: addressOf(addresses, 'workspace-a/api-service', 4) }),
    ask(instance, stranger, [published]),
    ask(instance, hospital, first(to('platform/airlock', 8080))),
  ])
  const answered = new Map(answers.map((a) => [a.url, a]))
  for (const [what, urls] of targets) {
    const refused = urls.every((u) => answered.get(u)?.text.startsWith('refused: ') === true)
    teller.check(refused, `notebook -> ${what}: ${urls.map((u) => `${u} ${answered.get(u)?.text ?? 'not tried'}`).join(', ')}`)
  }
  const check = (list: readonly Answer[], what: string): void => teller.check(list.every((x) => !x.answered), `${what}: ${list.map((x) => x.text).join(', ')}`)
  check(forged, 'notebook in the name of api-service, which may (it cannot even use the address)')
  check(unknown, 'a stranger outside -> the published address')
  check(around, "hospital -> the airlock's private address")
}

export async function showRecord(instance: Instance): Promise<void> {
  const { teller } = instance
  teller.step('Every refusal is on record, with who, where to and why')
  const wanted = /workspace-a\/notebook.*workspace-b\/postgres-db/
  let said = ''
  const there = await becomes(instance, async () => {
    said = (await bulkhead(instance, ['flows', '--denied', '--since', '5m'], { quiet: true })).stdout
    return wanted.test(said)
  }, 5_000)
  teller.command('bulkhead flows --denied --since 5m')
  const lines = said.trimEnd().split('\n').filter((l) => l.includes(' deny '))
  teller.output(lines.slice(-6).join('\n'))
  teller.check(there, `${lines.length} refusals so far, among them the attempt on the other workspace's database`)
}

/** Tries every path of every identity, open and closed. */
export async function verify(instance: Instance, title: string): Promise<void> {
  const { teller } = instance
  teller.step(title)
  const { code, stdout, stderr } = await bulkhead(instance, ['verify'])
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  teller.check(code === 0 && / 0 mismatches$/.test(last), last)
  if (code !== 0) teller.output(`${stdout}${stderr}`.split('\n').slice(0, 20).join('\n'))
}
