/** The report: one page that needs no other file, no script and no network, to be read on a screen and on paper (pure). */
import { allPairs } from '../../analysis/isolation/all.ts'
import { matrix } from '../../analysis/matrix.ts'
import { matrixSvg } from '../../analysis/matrix-svg.ts'
import { needsAttention, riskRegister } from '../../analysis/risk/register.ts'
import { riskTable, useSentence } from '../../analysis/risk/text.ts'
import { escapeXml } from '../../analysis/xml.ts'
import { formatInstant } from '../../base/clock.ts'
import { segmentationTests } from '../evidence/tests.ts'
import { isolationOptions } from '../live-facts.ts'
import { countOutcomes } from '../profiles/check.ts'
import { readingText } from '../reading-text.ts'
import { formatSince, sinceOf } from '../since.ts'
import { supersededText } from '../verification.ts'
import { auditPaths } from '../workload.ts'
import { isExpired } from '../../model/platform.ts'
import { enclaveMap } from './enclave-map.ts'
import { layersPicture } from './layers-picture.ts'
import { style } from './style.ts'
import { list, section, table } from './parts.ts'
import type { SeenUse } from '../../analysis/risk/register.ts'
import type { Standing } from '../in-force.ts'
import type { ProfileAnswer } from '../profiles/check.ts'
import type { AuditedPath } from '../workload.ts'
import type { ChangeEntry } from '../chain.ts'

export interface ReportOptions {
  readonly standing: Standing
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Changes from this instant on; all when undefined. */
  readonly since: number | undefined
  readonly profiles: readonly ProfileAnswer[]
  /** What the records say of telemetry; undefined where nobody could look. */
  readonly use: SeenUse | undefined
  readonly version: string
}

const mostRows = 2_000
const mostPairs = 120
const soonMs = 30 * 86_400_000

export function reportPage(options: ReportOptions): string {
  const { standing, now, version } = options
  const { platform } = standing.set
  const title = `${platform.name}: who may talk to whom, and what was verified`
  return [
    '<!doctype html>', '<html lang="en">', '<head>', '<meta charset="utf-8">', '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">`,
    `<title>${escapeXml(title)}</title>`, `<style>${style}</style>`, '</head>', '<body>', '<header>',
    `<h1>${escapeXml(title)}</h1>`,
    `<p>Trust domain ${escapeXml(platform.trustDomain)}. Made at ${formatInstant(now)} by Bulkhead ${escapeXml(version)}. What is not listed is denied.</p>`,
    '</header>', '<main>',
    summary(options),
    section(
      'map', 'Enclaves', 'An arrow: a workload in one may open a connection to a workload in the other; the number says by how many paths.',
      picture(enclaveMap(platform, standing.set.intent, now)),
    ),
    section(
      'allowed', 'What is allowed', 'Sources down the side, destinations across.',
      picture(matrixSvg(matrix(standing.set.intent, now)).trimEnd()), allowed(standing, now),
    ),
    isolationSection(standing, now),
    section('verified', 'What was verified', 'By real packets between stand-ins, and by reading back what is in force.', verified(standing)),
    section('tests', 'What has to hold', 'Guardrails and PolicyTests, judged anew for this page.', tests(standing, now)),
    risksSection(options),
    ...options.profiles.map(profileSection),
    changesSection(options),
    '</main>', '</body>', '</html>', '',
  ].join('\n')
}

function picture(svg: string): string {
  return `<div class="picture">${svg}</div>`
}

function summary({ standing, now }: ReportOptions): string {
  const { set, at, agent, verified: v, chain } = standing
  const open = set.intent.paths.filter((p) => !isExpired(p, now)).length
  const risks = riskRegister(set.platform, set.intent, { now, soon: soonMs }).filter(needsAttention).length
  const facts: readonly (readonly [string, string])[] = [
    ['Documents', `${set.documents.sha256.slice(0, 16)}, ${at === undefined ? 'not in force here' : `in force since ${at}`}`],
    ['Enforced', agent === undefined ? 'not known: no agent answers' : agent.enforced ? 'yes, at the last look' : 'NO'],
    ['Open paths', `${open} between ${set.platform.workloads.size} workloads and the outside`],
    ['Last verification', v === undefined ? 'none' : `${v.verification.ended}, ${v.verification.good ? 'no mismatch' : 'MISMATCHES'}${doubts(standing)}`],
    ['Risks that need somebody', String(risks)],
    [
      'Change log',
      chain.problem === undefined ? `${chain.entries.length} changes, ${chain.entries.at(-1)?.hash.slice(0, 16) ?? 'empty'}` : `BROKEN at line ${chain.problem.line}`,
    ],
  ]
  const unseen = standing.unseen.length === 0 ? '' : `<p class="warn">Not seen for this page:</p>${list(standing.unseen)}`
  return section('summary', 'In short', undefined, `<dl>${facts.map(([k, t]) => `<dt>${escapeXml(k)}</dt><dd>${escapeXml(t)}</dd>`).join('')}</dl>`, unseen)
}

/** Why a verification is no proof of what is in force, in a few words. */
function doubts({ set, verified: v }: Standing): string {
  if (v === undefined) return ''
  if (v.verification.documents.sha256 !== set.documents.sha256) return ', BUT of other documents'
  if (v.noted === undefined) return ', BUT the change log does not know it'
  return v.changed === undefined ? '' : `, BUT it ${supersededText(v.changed)}`
}

function allowed(standing: Standing, now: number): string {
  const paths = auditPaths(standing, now)
  const rows = paths.slice(0, mostRows).map((p) => [
    p.source,
    p.destination,
    `${p.traffic}${p.via === 'direct' ? '' : `, ${p.via}`}`,
    conditions(p),
    p.policies.map((d) => `${d.kind} ${d.name} (${d.file}:${d.line})`).join('\n'),
    p.since === undefined ? 'not known' : formatSince(p.since),
    `${p.probed.result} (${p.probed.what})`,
  ])
  const more = paths.length > mostRows ? `<p>And ${paths.length - mostRows} more; <code>bulkhead matrix</code> lists all.</p>` : ''
  const columns = ['Source', 'Destination', 'Traffic', 'Only', 'Opened by', 'Since', 'Tried']
  return table('Every path, by which document, since which change, and as it was tried', columns, rows, 'No path is open.') + more
}

function conditions({ phases, expires, closed }: AuditedPath): string {
  return [
    ...(phases.length === 3 ? [] : [`in ${phases.join(', ')}`]),
    ...(expires === undefined ? [] : [`until ${expires}`]),
    ...(closed === undefined ? [] : [`closed: ${closed}`]),
  ].join('; ')
}

function isolationSection(standing: Standing, now: number): string {
  const { platform, intent } = standing.set
  const all = allPairs(platform, intent, 'enclave', isolationOptions(standing, now))
  const rows = all.slice(0, mostPairs)
  const cells = rows.map(({ between: [a, b], apart, together, strongest }) => [a.text, b.text, apart.join(', '), together.join(', '), strongest])
  const more = all.length > rows.length ? `<p>And ${all.length - rows.length} more pairs; <code>bulkhead isolation --all --by enclave</code> lists all.</p>` : ''
  return section(
    'isolation', 'Layers of isolation', 'What two enclaves do not share keeps them apart. Containers on one host are the weakest separation there is.',
    picture(layersPicture(rows)),
    table('The same as a table', ['Enclave', 'And', 'Apart by', 'Together in', 'Strongest'], cells, 'There are no two enclaves.') + more,
  )
}

function verified({ verified: kept, set }: Standing): string {
  if (kept === undefined) return '<p class="warn">Nothing was verified.</p>'
  const { verification: v, noted, sha256 } = kept
  const rows = [
    ['When', `${v.began} to ${v.ended}`],
    ['Of which documents', v.documents.sha256 === set.documents.sha256 ? 'these' : `others: ${v.documents.sha256.slice(0, 16)}`],
    ['Identities', String(v.identities)],
    [
      'Attempts',
      `${v.probes + v.trials.tried}: ${v.allowed} open, ${v.denied} closed, ${v.trials.tried} at gateways and resolver, ` +
        `${v.trials.notTried.length} of those could not be tried`,
    ],
    ['Mismatches', String(v.mismatches.length + v.trials.mismatches.length)],
    ['Deviations of interfaces and settings', String(v.deviations.length)],
    ['The table read back', readingText(v.reading.verdict)],
    ...v.gateways.map((g) => [
      `The ${g.gateway} gateway, ${g.what}`,
      g.differences.length === 0 ? `equal to the documents (${g.compared} requests)` : `${g.differences.length} differences`,
    ]),
    ['In the change log', noted === undefined ? 'no: it may be anybody\'s' : `change ${noted.seq}, ${sha256.slice(0, 16)}`],
  ]
  const wrong = [
    ...v.mismatches.map((m) => `${m.from} -> ${m.to} ${m.protocol}/${m.port}: was ${m.outcome}; ${m.likelyCause}`),
    ...v.trials.mismatches.map((m) => `${m.from} -> ${m.what}: was ${m.found}`),
  ]
  const warning = wrong.length === 0 ? '' : `<p class="warn">Not as the documents say:</p>${list(wrong.slice(0, 50))}`
  return table('The last live verification', ['What', 'Found'], rows, '') + warning
}

function tests({ set: { platform, intent } }: Standing, now: number): string {
  const { cases, guardrails } = segmentationTests(platform, intent, now)
  const rows = guardrails.map((g) => [g.name, g.assert, g.holds ? 'yes' : `NO: ${g.brokenBy ?? ''}`, `${g.at.file}:${g.at.line}`])
  const held = table('Guardrails', ['Name', 'Form', 'Holds', 'Where'], rows, 'There are none.')
  const passed = cases.filter((c) => c.expect === c.found).length
  return `${held}<p>${passed} of ${cases.length} examples of ${platform.policyTests.length} PolicyTests are as they should be.</p>`
}

function risksSection({ standing: { set }, now, use }: ReportOptions): string {
  const rows = riskRegister(set.platform, set.intent, { now, soon: soonMs, ...(use === undefined ? {} : { uses: use.uses }) })
  const told = rows.length === 0
    ? '<p>No External is telemetry, and no risk is recorded.</p>'
    : `<p>${escapeXml(useSentence(use))}</p><div class="wide">${riskTable(rows)}</div>`
  return section('risks', 'Risks of telemetry', 'Software that phones home, who accepted that, until when, and what was really sent.', told)
}

function profileSection({ profile, about, answers }: ProfileAnswer): string {
  const counts = countOutcomes(answers)
  const rows = answers.map((a) => {
    const facts = [...a.facts.map((f) => f.what), ...(a.remains === undefined ? [] : [`a person sees: ${a.remains}`])]
    return [a.id, a.title, a.outcome, facts.join('\n'), a.source]
  })
  const tally = `${counts.pass} pass, ${counts.fail} fail, ${counts['not applicable']} not applicable, ${counts['needs a person']} need a person`
  return section(`profile-${profile}`, `Controls: ${profile}`, about, table(tally, ['Control', 'About', 'Answer', 'Evidence', 'Source'], rows, ''))
}

function changesSection({ standing: { chain }, since }: ReportOptions): string {
  const told = chain.entries.filter((e) => since === undefined || Date.parse(e.time) >= since)
  const rows = told.map((e) => [String(e.seq), e.time.slice(0, 19), e.kind, formatSince(sinceOf(e)).replace(/^[^,]*, [^,]*, [^,]*, /, ''), whatOf(e)])
  const broken = chain.problem === undefined
    ? ''
    : `<p class="warn">The log is broken at line ${chain.problem.line}: it ${escapeXml(chain.problem.what)}. Nothing after it counts.</p>`
  const all = table('Newest last', ['Nr', 'When', 'Kind', 'By whom and why', 'What'], rows, 'There were none.')
  return section('changes', 'Changes', since === undefined ? 'All of them.' : `Since ${formatInstant(since)}.`, broken + all)
}

function whatOf({ opened = [], closed = [], details = [], verification }: ChangeEntry): string {
  const some = (sign: string, lines: readonly string[]): readonly string[] => [
    ...lines.slice(0, 20).map((l) => `${sign} ${l}`),
    ...(lines.length > 20 ? [`${sign} and ${lines.length - 20} more`] : []),
  ]
  const tried = verification === undefined
    ? []
    : [`${verification.probes} probes, ${verification.mismatches} mismatches, ${verification.deviations} deviations`]
  return [...some('+', opened), ...some('-', closed), ...details, ...tried].join('\n')
}
