/** The first half of the demonstration: what the documents allow works, what they do not is refused and recorded, and both are proved. */
import { becomes, ask, bulkhead } from './instance.ts'
import { addressOf, url } from './addresses.ts'
import type { Addresses } from './addresses.ts'
import type { Instance } from './instance.ts'

const notebookA = { workload: 'workspace-a/notebook' }
const notebookB = { workload: 'workspace-b/notebook' }
/** A network of the hospital, and one that is nobody's in particular. */
const hospital = { outside: '192.0.2.7' }
const stranger = { outside: '198.18.0.9' }
const published = 'http://198.51.100.10/'

/** The path that takes longest to be ready: notebook to API to database, and on to the model. */
export async function waitForServices(instance: Instance): Promise<void> {
  const works = async (from: { readonly workload: string }): Promise<boolean> =>
    (await ask(instance, from, ['http://localhost:8888/'], { quiet: true })).every((a) => a.text.includes('"risk"'))
  const [a, b] = await Promise.all([notebookA, notebookB].map((from) => becomes(instance, () => works(from))))
  instance.teller.check(a === true && b === true, 'both workspaces work: notebook, API, PostgreSQL and the shared model')
}

export async function showAllowed(instance: Instance): Promise<void> {
  const { teller } = instance
  teller.step('What the policies allow works')
  const a = await ask(instance, notebookA, ['http://api-service:8080/summary', 'http://api-service:8080/version', 'http://localhost:8888/install?package=numpy', 'http://localhost:8888/submit'])
  a.forEach(({ url: asked, text }) => teller.output(`${asked}\n  ${text}`))
  const text = a.map((x) => x.text).join('\n')
  teller.check(text.includes('"study":"cardiology"') && text.includes('PostgreSQL'), 'notebook -> api-service -> postgres-db: an answer in SQL from PostgreSQL')
  teller.check(/"package":"numpy".*"upstream":"203\.0\.113\.10"/.test(text), 'notebook -> package-mirror -> pypi: the mirror fetched a package for it')
  teller.check(text.includes('"released":true'), 'notebook -> airlock: a result was submitted and released')
  const b = await ask(instance, notebookB, ['http://api-service:8080/summary'])
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
  const targets: readonly (readonly [what: string, urls: readonly string[]])[] = [
    ['its own database, past the API', to('workspace-a/postgres-db', 5432)],
    ["the other workspace's database", to('workspace-b/postgres-db', 5432)],
    ["the other workspace's notebook", to('workspace-b/notebook', 8888)],
    ['the airlock on a port nobody opened', to('platform/airlock', 22)],
    ['pypi, past the mirror', ['http://203.0.113.10/', 'http://[2001:db8:113:1::10]/']],
    ['the internet', ['tcp://1.1.1.1:443', 'tcp://[2606:4700:4700::1111]:443', 'udp://9.9.9.9:53']],
    ['the metadata service', ['http://169.254.169.254/', 'http://[fd00:ec2::254]/']],
    ['the router itself', ['tcp://169.254.1.1:22']],
    ['the published address, from inside', [published]],
  ]
  const answers = await ask(instance, notebookA, targets.flatMap(([, urls]) => urls))
  const answered = new Map(answers.map((a) => [a.url, a]))
  for (const [what, urls] of targets) {
    const refused = urls.every((u) => answered.get(u)?.text.startsWith('refused: ') === true)
    teller.check(refused, `notebook -> ${what}: ${urls.map((u) => `${u} ${answered.get(u)?.text ?? 'not tried'}`).join(', ')}`)
  }
  const [forged] = await ask(instance, notebookA, to('workspace-a/postgres-db', 5432).slice(0, 1), { as: addressOf(addresses, 'workspace-a/api-service', 4) })
  teller.check(forged?.answered === false, `notebook in the name of api-service, which may: ${forged?.text ?? ''} (it cannot even use the address)`)
  const [unknown] = await ask(instance, stranger, [published])
  teller.check(unknown?.answered === false, `a stranger -> the published address: ${unknown?.text ?? ''}`)
  const [around] = await ask(instance, hospital, to('platform/airlock', 8080).slice(0, 1))
  teller.check(around?.answered === false, `hospital -> the airlock's private address: ${around?.text ?? ''}`)
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
  const lines = said.trimEnd().split('\n')
  teller.output(lines.slice(-12).join('\n'))
  teller.check(there, `${lines.length} lines, among them the attempt on the other workspace's database`)
}

/** Tries every path of every identity, open and closed. */
export async function verify(instance: Instance, title: string): Promise<void> {
  const { teller } = instance
  teller.step(title)
  const { code, stdout, stderr } = await bulkhead(instance, ['verify'])
  const last = stdout.trimEnd().split('\n').at(-1) ?? ''
  teller.check(code === 0 && / 0 mismatches$/.test(last), last)
  if (code !== 0) teller.output(`${stdout}\n${stderr}`)
}
