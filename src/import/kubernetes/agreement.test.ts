/** What the manifests mean, held against a second, naive reading of the documentation, flow by flow. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compile } from '../../intent/compile.ts'
import { decide } from '../../intent/decide.ts'
import { loadPlatform } from '../../model/load.ts'
import { parseAddress } from '../../net/address.ts'
import { analyseCluster, connections } from './connections.ts'
import { diffClusters } from './diff.ts'
import { importCluster } from './documents.ts'
import { explainConnection } from './explain.ts'
import { connectionRows, connectionsText } from './format.ts'
import { workloadNames } from './names.ts'
import { cluster as read } from './testing.ts'
import { manifestSets } from './testing/arbitrary-manifests.ts'
import { manifestText } from './testing/manifests.ts'
import { naiveAllows, naiveCluster } from './testing/naive.ts'
import { nothing } from './traffic.ts'
import { portSet } from '../../net/ports.ts'
import type { FlowEnd, WorkloadId } from '../../model/platform.ts'
import type { Protocol } from '../../net/protocol.ts'
import type { NaiveCluster, NaiveEnd, NaiveFlow, NaivePod } from './testing/naive.ts'

const outside = ['10.0.0.0', '10.0.0.3', '10.0.0.5', '10.0.0.9', '192.0.2.1', '255.255.255.255']
const outside6 = ['2001:db8::1', '2001:db8::5', '2001:db8::ff', '2001:db9::']
const protocols = ['TCP', 'UDP', 'SCTP'] as const
const ports = [1, 2, 4, 6, 8, 9]

type Says = (protocol: string, port: number) => boolean

/** `SRC => DST : CONN` back to questions that can be asked of one flow. */
function reader(lines: readonly string[]): (source: string, destination: string) => Says {
  const rows = lines.map((line) => {
    const [, from = '', to = '', conn = ''] = /^(.*) => (.*) : (.*)$/.exec(line) ?? []
    return { from: matcher(from), to: matcher(to), conn }
  })
  return (source, destination) => {
    const conns = rows.filter(({ from, to }) => from(source) && to(destination)).map(({ conn }) => conn)
    return (protocol, port) => conns.some((conn) => carries(conn, protocol, port))
  }
}

/** True of the end itself, or of an address within it. */
function matcher(end: string): (asked: string) => boolean {
  if (!end.endsWith('[External]')) return (asked) => asked === end
  const [first, last] = end.replace('[External]', '').split('-').map((text) => parseAddress(text))
  return (text) => {
    const asked = text.includes('/') ? undefined : parseAddress(text)
    return first !== undefined && last !== undefined && asked !== undefined && first.family === asked.family && first.bits <= asked.bits && asked.bits <= last.bits
  }
}

function carries(conn: string, protocol: string, port: number): boolean {
  if (conn === 'All Connections') return true
  const part = conn.split(/,(?=[A-Z])/).find((text) => text.startsWith(`${protocol} `))
  return part !== undefined && part.slice(protocol.length + 1).split(',').some((range) => {
    const [from = 0, to = from] = range.split('-').map(Number)
    return from <= port && port <= to
  })
}

function textOf(end: NaiveEnd): string {
  return end === 'anonymous' ? end : 'pod' in end ? end.pod.workload : end.address
}

/** What pods of one workload may do, any of them. */
function ends(naive: NaiveCluster, withIpv6: boolean): readonly { readonly name: string; readonly all: readonly NaiveEnd[] }[] {
  const byWorkload = Map.groupBy(naive.pods, ({ workload }) => workload)
  return [
    ...Array.from(byWorkload, ([name, pods]) => ({ name, all: pods.map((pod): NaiveEnd => ({ pod })) })),
    ...[...outside, ...(withIpv6 ? outside6 : [])].map((address) => ({ name: address, all: [{ address }] })),
  ]
}

test('the matrix says of every flow what a naive reading of the documentation says', () => {
  fc.assert(
    fc.property(manifestSets, (manifests) => {
      const naive = naiveCluster(manifests)
      const analysis = analyseCluster(read(manifestText(manifests)))
      const lines = connectionsText(connectionRows(connections(analysis), analysis.table)).split('\n').slice(0, -1)
      assert.deepEqual(lines, [...lines].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
      const says = reader(lines)
      const everyone = ends(naive, false)
      for (const source of everyone) {
        for (const destination of everyone) {
          if (source.name === destination.name || (!source.name.includes('/') && !destination.name.includes('/'))) continue
          const asked = says(source.name, destination.name)
          for (const protocol of protocols) {
            for (const port of ports) {
              const expected = source.all.some((s) => destination.all.some((d) => naiveAllows(naive, { source: s, destination: d, protocol, port })))
              assert.equal(asked(protocol, port), expected, `${source.name} => ${destination.name} ${protocol} ${port}\n${lines.join('\n')}`)
            }
          }
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('what an explanation says of one flow is what the naive reading says', () => {
  fc.assert(
    fc.property(manifestSets, fc.nat(), fc.nat(), fc.constantFrom(...protocols), fc.constantFrom(...ports), (manifests, i, j, protocol, port) => {
      const naive = naiveCluster(manifests)
      const analysis = analyseCluster(read(manifestText(manifests)))
      const pods = analysis.cluster.pods
      const asked = analysis.table.id({ ...nothing, [protocol.toLowerCase()]: portSet([{ from: port, to: port }]) })
      const of = (position: number): NaivePod | undefined => naive.pods.find((p) => p.workload === pods[position]?.workload && JSON.stringify([p.labels, p.ports]) === JSON.stringify([Object.fromEntries(pods[position].labels), p.ports]))
      const [s, d] = [i % pods.length, j % pods.length]
      const [source, destination] = [of(s), of(d)]
      assert.ok(source && destination)
      if (pods.filter(({ workload }) => workload === source.workload || workload === destination.workload).length > 2) return
      const to = [{ kind: 'pod', pod: d } as const, ...[...outside, ...outside6].map((text) => ({ kind: 'address', address: parseAddress(text) ?? { kind: 'address', family: 4, bits: 0n }, text } as const))]
      for (const end of to) {
        const flow: NaiveFlow = { source: { pod: source }, destination: end.kind === 'pod' ? { pod: destination } : { address: end.text }, protocol, port }
        const answer = explainConnection(analysis, { kind: 'pod', pod: s }, end, asked)
        assert.equal(answer.verdict, naiveAllows(naive, flow) ? 'allow' : 'deny', JSON.stringify(answer))
        const [own] = answer.sides
        if (own?.allows === 'No Connections') assert.match(own.reason, /^(denied|isolated) by|^no rule allows/)
      }
    }),
    { numRuns: 150 },
  )
})

test('the imported documents open just what the naive reading allows, to pods by their addresses too', () => {
  fc.assert(
    fc.property(manifestSets, (manifests) => {
      const [four, six] = [naiveCluster(manifests, 4), naiveCluster(manifests, 6)]
      const set = read(manifestText(manifests))
      const { files } = importCluster(set, { run: false })
      const { platform, diagnostics } = loadPlatform(files.map(({ path, text }) => ({ path, absolute: `/${path}`, text })), { now: 0 })
      assert.ok(platform, JSON.stringify(diagnostics))
      const { intent, diagnostics: found } = compile(platform)
      assert.deepEqual(found, [], 'every half meets its other half')
      const names = workloadNames(set.pods)
      const known = set.pods.map((pod, i) => {
        const own = four.pods.find((p) => p.workload === pod.workload && p.addresses.length === pod.addresses.length && (pod.addresses.length === 0 || p.addresses[0] === `10.0.0.${Number(pod.addresses[0]?.bits ?? 0n) & 255}`))
        return { end: { kind: 'workload', workload: `${pod.namespace}/${names[i] ?? ''}` as WorkloadId } as const, naive: { pod: own } as NaiveEnd, replicas: pod.replicas }
      })
      const others = [...outside.slice(0, 5), ...outside6].map((address) => ({ end: { kind: 'address', address: parseAddress(address) } as FlowEnd, naive: { address } as NaiveEnd }))
      for (const source of known) {
        for (const destination of [...known, ...others]) {
          if (destination === source) continue
          for (const protocol of ['tcp', 'udp', 'sctp', 'icmp'] as const satisfies readonly Protocol[]) {
            for (const port of protocol === 'icmp' ? [0] : [1, 4, 7, 65_535]) {
              const flow = { source: source.end, destination: destination.end, protocol, port: protocol === 'icmp' ? undefined : port, phase: undefined }
              const asked = { source: source.naive, destination: destination.naive, protocol: protocol.toUpperCase(), port }
              // A path has no family: it is open when it is in every family that both ends have.
              const families = familiesOf(source.naive, destination.naive)
              const expected = families.length > 0 && families.every((family) => naiveAllows(family === 4 ? four : six, asked))
              assert.equal(decide(platform, intent, flow, 0).verdict, expected ? 'allow' : 'deny', `${source.end.workload} => ${textOf(destination.naive)} ${protocol} ${port}`)
            }
          }
        }
      }
    }),
    { numRuns: 60 },
  )
})

/** Those in which the two could exchange packets; pods whose addresses nobody knows may have both. */
function familiesOf(source: NaiveEnd, destination: NaiveEnd): readonly (4 | 6)[] {
  const of = (end: NaiveEnd): readonly string[] => (end === 'anonymous' ? [] : 'pod' in end ? end.pod.addresses : [end.address])
  const ends = 'address' in Object(destination) ? [destination] : [source, destination]
  return ([4, 6] as const).filter((family) => ends.every((end) => of(end).length === 0 || of(end).some((address) => address.includes(':') === (family === 6))))
}

test('a difference between two clusters is what one allows and the other does not', () => {
  fc.assert(
    fc.property(manifestSets, manifestSets, (one, two) => {
      // The same pods under other policies, which is what a change of policies is.
      const isPolicy = (kind: string): boolean => kind.endsWith('NetworkPolicy')
      const fresh = [...one.filter(({ kind }) => !isPolicy(kind)), ...two.filter(({ kind }) => isPolicy(kind))]
      const changes = diffClusters(read(manifestText(one)), read(manifestText(fresh)))
      const [before, after] = [naiveCluster(one), naiveCluster(fresh)]
      const won = reader(changes.filter(({ change }) => change === 'opened' || change === 'widened').map(({ src, dst, conn }) => `${src} => ${dst} : ${conn}`))
      const lost = reader(changes.filter(({ change }) => change === 'closed' || change === 'narrowed').map(({ src, dst, conn }) => `${src} => ${dst} : ${conn}`))
      for (const source of ends(before, false)) {
        for (const destination of ends(before, false)) {
          if (source.name === destination.name || (!source.name.includes('/') && !destination.name.includes('/'))) continue
          const [wins, loses] = [won(source.name, destination.name), lost(source.name, destination.name)]
          for (const protocol of protocols) {
            for (const port of [1, 4, 65_535]) {
              const allows = (naive: NaiveCluster): boolean => source.all.some((s) => destination.all.some((d) => naiveAllows(naive, { source: s, destination: d, protocol, port })))
              const [had, has] = [allows(before), allows(after)]
              assert.equal(wins(protocol, port), has && !had, `won ${source.name} => ${destination.name} ${protocol} ${port}`)
              assert.equal(loses(protocol, port), had && !has, `lost ${source.name} => ${destination.name} ${protocol} ${port}`)
            }
          }
        }
      }
    }),
    { numRuns: 40 },
  )
})
