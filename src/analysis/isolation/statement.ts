/**
 * What a customer is told about the separation from somebody else: plain words, no names of hosts or of third parties, and no
 * claim that the findings do not support.
 */
import { formatInstant } from '../../base/clock.ts'
import { htmlPage } from '../html-page.ts'
import { escapeXml } from '../xml.ts'
import type { Basis, Finding, IsolationLayer, Sharing, Strength } from './finding.ts'
import type { Isolation } from './isolation.ts'

const titles: Readonly<Record<IsolationLayer, string>> = {
  infrastructure: 'Account at the provider', stack: 'Private network', segment: 'Pool of hosts', host: 'Hosts', layer: 'Layer of hosts',
  environment: 'People who may change it', enclave: 'Enclave', container: 'Processes on a host', identity: 'Identities', policy: 'Permitted connections',
}

const words: Readonly<Record<IsolationLayer, Readonly<Record<'separate' | 'partly' | 'shared', string>>>> = {
  infrastructure: { separate: 'The two are run in different accounts.', partly: 'Some of the two are run in one account.', shared: 'The two are run in one account.' },
  stack: { separate: 'The two are on different private networks.', partly: 'The private networks of the two are joined, or some of them are the same.', shared: 'The two are on one private network.' },
  segment: { separate: 'The two use different pools of hosts.', partly: 'The two have some pools of hosts in common.', shared: 'The two use one pool of hosts.' },
  host: { separate: 'No host carries both.', partly: 'Some hosts carry both.', shared: 'The same hosts carry both.' },
  layer: { separate: 'The two are in different layers.', partly: 'The two have some layers in common.', shared: 'The two are in the same layer.' },
  environment: { separate: 'The two are in environments of their own, and our documents name nobody who may change both.', partly: 'Some people may change both.', shared: 'The same people may change both.' },
  enclave: { separate: 'The two are in enclaves of their own: a connection between them needs the consent of both sides.', partly: 'Some of the two are in one enclave.', shared: 'The two are in one enclave.' },
  container: { separate: 'Their processes are kept apart by the operating system. Where they share a host, a fault of its kernel could end this; it is the weakest of the separations named here.', partly: 'Some workloads belong to both.', shared: 'The same workloads belong to both.' },
  identity: { separate: 'Every workload has an identity of its own, which no other workload can take.', partly: 'Some identities belong to both.', shared: 'The same identities belong to both.' },
  policy: { separate: 'No connection between the two is permitted, directly or by way of others.', partly: 'Some connections between the two are permitted, directly or by way of others. All else is refused.', shared: 'Connections between the two are permitted.' },
}

const strengthWords: Readonly<Record<Strength, string>> = { none: '-', weak: 'weak', moderate: 'moderate', strong: 'strong', strongest: 'very strong' }

const basisSentences: Readonly<Record<Basis, string>> = {
  'documents': 'Laid down in our documents.',
  'in force': 'Found in force on the machine.',
  'verified': 'Tried on the machine.',
  'contradicted': 'Not assured: the machine was not as our documents say when we looked.',
}

interface Row {
  readonly title: string
  readonly says: string
  readonly strength: string
  readonly basis: string
}

function rowsOf({ layers }: Isolation): readonly Row[] {
  return layers.flatMap((finding) => {
    const { layer, sharing, basis } = finding
    if (sharing === 'absent' || sharing === 'unknown') return []
    const says = basis === 'contradicted' ? 'We make no statement.' : [finding.told ?? words[layer][sharing], ...(finding.alsoTold === undefined ? [] : [finding.alsoTold])].join(' ')
    return [{ title: titles[layer], says, strength: strengthWords[basis === 'contradicted' ? 'none' : finding.strength], basis: basisSentences[basis] }]
  })
}

/** Layers about which nothing is claimed, by their titles. */
function untold({ layers }: Isolation): readonly string[] {
  return layers.filter(({ sharing }) => untoldSharing.has(sharing)).map(({ layer }) => titles[layer])
}

const untoldSharing: ReadonlySet<Sharing> = new Set(['absent', 'unknown'])

function better({ layers }: Isolation): readonly string[] {
  const weak = (finding: Finding): boolean => finding.sharing === 'shared' || finding.sharing === 'unknown' || (finding.layer === 'host' && finding.sharing === 'partly')
  const words: Partial<Record<IsolationLayer, string>> = {
    infrastructure: 'An account of your own at the provider', stack: 'A dedicated stack: it would also separate hosts and network', segment: 'An isolation segment: a pool of hosts of your own',
    host: 'Hosts of your own', environment: 'An environment of your own', enclave: 'An enclave of your own',
  }
  return layers.filter((finding) => weak(finding) && finding.stronger !== undefined).flatMap(({ layer }) => words[layer] ?? [])
}

function head({ between: [a, b], at, verified }: Isolation): readonly [string, string] {
  const some = verified === undefined || verified.pairs.tried >= verified.pairs.of ? '' : `, between ${verified.pairs.tried} of ${verified.pairs.of} pairs of identities; the rules between all of them were read back`
  return [`Separation of ${a.text} and ${b.text}`, `As of ${formatInstant(at)}.${verified === undefined ? '' : ` The machine was last tried at ${formatInstant(verified.at)}${some}.`}`]
}

export function statementMarkdown(answer: Isolation): string {
  const [title, when] = head(answer)
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  const rows = rowsOf(answer).map((row) => `| ${[row.title, row.says, row.strength, row.basis].map(cell).join(' | ')} |`)
  return [
    `# ${title}`, '', when, '', '| Layer | What we state | Strength | Basis |', '|---|---|---|---|', ...rows, '',
    ...(untold(answer).length === 0 ? [] : [`We make no statement about: ${untold(answer).join(', ').toLowerCase()}.`, '']),
    ...(better(answer).length === 0 ? [] : ['What would separate more:', '', ...better(answer).map((text) => `- ${text}.`), '']),
  ].join('\n')
}

export function statementHtml(answer: Isolation): string {
  const [title, when] = head(answer)
  const rows = rowsOf(answer).map((row) => `<tr><th scope="row">${escapeXml(row.title)}</th>${[row.says, row.strength, row.basis].map((text) => `<td>${escapeXml(text)}</td>`).join('')}</tr>`)
  return htmlPage(title, style, [
    `<h1>${escapeXml(title)}</h1>`, `<p>${escapeXml(when)}</p>`,
    '<table><thead><tr><th scope="col">Layer</th><th scope="col">What we state</th><th scope="col">Strength</th><th scope="col">Basis</th></tr></thead>', '<tbody>', ...rows, '</tbody></table>',
    ...(untold(answer).length === 0 ? [] : [`<p>We make no statement about: ${escapeXml(untold(answer).join(', ').toLowerCase())}.</p>`]),
    ...(better(answer).length === 0 ? [] : ['<h2>What would separate more</h2>', '<ul>', ...better(answer).map((text) => `<li>${escapeXml(text)}.</li>`), '</ul>']),
  ])
}

const style =
  'body{font:15px/1.45 system-ui,sans-serif;color:#22262b;margin:2rem auto;max-width:60rem;padding:0 1rem}h1{font-size:1.4rem}h2{font-size:1.1rem}' +
  'table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #d5dae0}thead th{font-size:12px;color:#5b636d}' +
  '@media print{body{margin:0;max-width:none;font-size:11pt}tr{break-inside:avoid}}'
