/** What hosts load allows exactly what the documents mean, as read back from the kernel; and whatever does not is found. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compared, hosted, mixed } from './lib/platforms.ts'
import { documentSets } from '../../src/verify/testing/arbitrary-set.ts'
import { formatDifference } from '../../src/verify/equivalence.ts'
import { loadPlatform } from '../../src/model/load.ts'
import { openListing } from './lib/reading.ts'
import { platformOf } from '../../src/verify/testing/load.ts'
import type { Comparison } from '../../src/verify/equivalence.ts'
import type { Hosted } from './lib/platforms.ts'
import type { Listing } from './lib/reading.ts'
import type { Platform } from '../../src/model/platform.ts'

let listing: Listing
before(async () => {
  listing = await openListing()
})
after(() => listing.close())

const examples = join(import.meta.dirname, '../../examples')
const folders = readdirSync(examples, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name)

for (const folder of folders) {
  test(`examples/${folder} is carried as it is meant`, async () => {
    const platform = exampleOf(folder)
    if (platform === undefined) return
    assertAcceptable(await judged(hosted(platform, { now: Date.now(), uplink: true })))
  })
}

test('random platforms are carried as they are meant, or narrower where the engine said so', async () => {
  let carried = 0
  let declared = 0
  const property = fc.asyncProperty(documentSets(), fc.boolean(), async (set, uplink) => {
    const platform = platformOf(set)
    if (platform === undefined) return
    carried++
    const comparison = await judged(hosted(platform, { now: set.now, uplink, ...mixed }))
    declared += comparison.verdict === 'narrower' ? 1 : 0
    assertAcceptable(comparison, set.files.map(({ text }) => text).join(''))
  })
  await fc.assert(property, { numRuns: 110, endOnFailure: true })
  assert.ok(carried >= 100, `${carried} platforms were tried`)
  assert.ok(declared > 0, 'some were refused in part')
})

type Mutation = (objects: Record<string, Record<string, unknown>>[]) => void

const mutations: readonly (readonly [string, 'wider' | 'narrower', Mutation, RegExp])[] = [
  ['an element that is missing', 'narrower', (all) => void elementsOf(all, 'port').pop(), /does not pass/],
  ['an element for another group', 'wider', (all) => regroup(elementsOf(all, 'port')), /^inet bulkhead \w+ handle \d+$/],
  ['a rule on top that accepts', 'wider', (all) => insert(all, 'forward', [port(22), set('mark', 2 ** 31), { accept: null }]), /forward/],
  ['a hole for IPv6 alone', 'wider', (all) => insert(all, 'forward', [family('ipv6'), set('mark', 2 ** 31), { accept: null }]), /forward/],
  ['a shortcut for established connections', 'wider', (all) => insert(all, 'forward', [established, set('mark', 2 ** 31), { accept: null }]), /no path is open for it/],
  ['no check of where packets come from', 'wider', (all) => insert(all, 'prerouting', [set('mark', 1), { accept: null }]), /source address that is not/],
  ['an interface whose address is not known', 'narrower', (all) => void elementsOf(all, 'source4').splice(0, Infinity, ...elementsOf(all, 'source4').filter((each) => !JSON.stringify(each).includes('"bh7"'))), /does not get as far/],
  ['an address class that is too large', 'wider', (all) => everybodyIn(elementsOf(all, 'class4')), /^inet bulkhead [\w-]+ handle \d+$/],
  ['a rule that nobody understands', 'wider', (all) => insert(all, 'forward', [{ xt: { type: 'match', name: 'bpf' } }]), /not understood at inet bulkhead forward/],
  ['a flow offload', 'wider', (all) => insert(all, 'forward', [{ flow: { op: 'add', flowtable: '@f' } }]), /not understood/],
  ['a path that does not end when its policy does', 'wider', (all) => elementsOf(all, 'port').forEach(forgetTimeout), /from now/],
]

/** The first class takes all addresses. */
function everybodyIn(classes: unknown[]): void {
  const [[, mark] = []] = classes as [unknown, number][]
  classes.splice(0, Infinity, [{ prefix: { addr: '0.0.0.0', len: 0 } }, mark])
}

for (const [title, verdict, mutation, cause] of mutations) {
  test(`the comparison finds ${title}`, async () => {
    const host = hosted(fixture(), { now: Date.now(), uplink: true })
    const json = structuredClone(await listing.list(host.text)) as { nftables: Record<string, Record<string, unknown>>[] }
    assertAcceptable(compared(host, json))
    mutation(json.nftables)
    const { verdict: found, acceptable, differences } = compared(host, json)
    const told = differences.map(formatDifference)
    assert.deepEqual([found, acceptable], [verdict, false], told.join('\n'))
    assert.ok(differences.some((each) => each.kind === verdict && cause.test(each.cause)), told.join('\n'))
  })
}

test('a deleted table is told as such, and opens nothing on a host that routes only what is marked', async () => {
  const host = hosted(fixture(), { now: Date.now(), uplink: true })
  const { verdict, differences } = compared(host, await listing.list(''))
  assert.equal(verdict, 'wider')
  const told = differences.map(formatDifference)
  assert.ok(told.includes('wider: any -> any any: no base chain judges forwarded packets'), told.join('\n'))
  assert.deepEqual(told.filter((line) => line.startsWith('wider')).length, 1)
})

async function judged(host: Hosted): Promise<Comparison> {
  return compared(host, await listing.list(host.text))
}

function assertAcceptable({ acceptable, differences }: Comparison, about = ''): void {
  assert.ok(acceptable, `${differences.filter((each) => !each.declared).slice(0, 20).map(formatDifference).join('\n')}\n${about}`)
}

/** The research environment, with one policy that ends in an hour. */
function fixture(): Platform {
  const platform = exampleOf('tre')
  assert.ok(platform !== undefined)
  const [first, ...rest] = platform.servicePolicies
  assert.ok(first !== undefined)
  return { ...platform, servicePolicies: [{ ...first, expires: Date.now() + 3_600_000 }, ...rest] }
}

function exampleOf(folder: string): Platform | undefined {
  const base = join(examples, folder)
  const names = readdirSync(base, { recursive: true, encoding: 'utf8' }).filter((name) => /\.ya?ml$/.test(name)).sort()
  const files = names.map((name) => ({ path: name, absolute: join(base, name), text: readFileSync(join(base, name), 'utf8') }))
  return loadPlatform(files, { now: Date.now() }).platform
}

function setOf(all: Record<string, Record<string, unknown>>[], name: string): Record<string, unknown> {
  const found = all.flatMap((each) => each['map'] ?? each['set'] ?? []).find((each) => (each as Record<string, unknown>)['name'] === name) as Record<string, unknown> | undefined
  assert.ok(found !== undefined, name)
  return found
}

function elementsOf(all: Record<string, Record<string, unknown>>[], name: string): unknown[] {
  const elements = setOf(all, name)['elem']
  assert.ok(Array.isArray(elements) && elements.length > 0, name)
  return elements
}

/** The key of an element stands alone, or with its time in an object. */
type Key = { readonly concat: unknown[] } | { readonly elem: Record<string, unknown> & { readonly val: { readonly concat: unknown[] } } }

function regroup(elements: unknown[]): void {
  const [key] = elements[0] as [Key]
  const { concat } = 'elem' in key ? key.elem.val : key
  concat.splice(0, 2, concat[1], concat[0])
}

function forgetTimeout(element: unknown): void {
  const [key] = element as [Key]
  if (!('elem' in key)) return
  delete key.elem['timeout']
  delete key.elem['expires']
}

/** Puts a rule at the head of a chain. */
function insert(all: Record<string, Record<string, unknown>>[], chain: string, expr: unknown[]): void {
  const first = all.findIndex((each) => each['rule']?.['chain'] === chain)
  assert.ok(first >= 0, chain)
  all.splice(first, 0, { rule: { family: 'inet', table: 'bulkhead', chain, handle: 9_999, expr } })
}

const established = { match: { op: 'in', left: { ct: { key: 'state' } }, right: 'established' } }

function port(number: number): unknown {
  return { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: number } }
}

function family(name: string): unknown {
  return { match: { op: '==', left: { meta: { key: 'nfproto' } }, right: name } }
}

function set(key: string, value: number): unknown {
  return { mangle: { key: { meta: { key } }, value } }
}
