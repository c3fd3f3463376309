/**
 * What records cost: several workloads are refused more and more often, and the recorder's own account says how many refusals
 * became records and how many were lost. Beside them one pair of workloads talks along its path; its rate is compared with
 * that of the quiet moment before, and with that beside as many datagrams that are allowed and thus not recorded.
 */
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { verdictsFile } from '../src/observe/store.ts'
import { lab, openInstance, policy } from '../test/kernel/lib/instance.ts'
import { numbers, option, quick, report } from './lib/results.ts'
import { digits, spread, table, withSpread } from './lib/stats.ts'
import type { TestInstance } from '../test/kernel/lib/instance.ts'

const rates = numbers('rates', quick ? [5_000] : [10_000, 25_000, 50_000, 75_000])
const rounds = Number(option('rounds') ?? (quick ? 1 : 3))
const seconds = Number(option('seconds') ?? (quick ? 1 : 2))
/** One identity may have 10,000 a second recorded. */
const senders = Number(option('senders') ?? 8)
const load = readFileSync(join(import.meta.dirname, 'load/load.pl'), 'utf8')
const perl = (...words: readonly string[]): readonly string[] => ['perl', '-e', load, ...words]

const drain = 'const u=require("dgram").createSocket({type:"udp6",ipv6Only:false,recvBufferSize:1<<22});u.on("message",()=>{});u.bind(7004)'
const names = Array.from({ length: senders }, (_, i) => `sender-${i}`)
const set = lab(
  { asker: {}, server: {}, sink: { script: drain, ports: '[{ port: 7004, protocol: udp }]' }, ...Object.fromEntries(names.map((name) => [name, {}])) },
  policy('asker', 'server', 7002), ...names.map((name) => policy(name, 'sink', 7004, 'udp')),
)

interface Account {
  readonly recorded: number
  readonly lost: number
}

async function account(i: TestInstance): Promise<Account> {
  const { recorded = 0, lost = 0 } = (await i.status()).recorder as Partial<Account>
  return { recorded, lost }
}

/** Waits until the recorder has come to an end with what it was given. */
async function settled(i: TestInstance): Promise<Account> {
  let before = await account(i)
  for (let same = 0; same < 6; ) {
    await sleep(250)
    const next = await account(i)
    same = next.recorded === before.recorded && next.lost === before.lost ? same + 1 : 0
    before = next
  }
  return before
}

async function said(i: TestInstance, workload: string, argv: readonly string[]): Promise<string> {
  const { stdout, stderr, code } = await i.exec(workload, ...argv)
  if (code !== 0) throw new Error(`${workload}: ${stderr}`)
  return stdout.trim()
}

interface Beside {
  readonly requests: number
  /** Refusals a second that reached the log, and how many of all were lost. */
  readonly refused: number
  readonly recordedShare: number
  readonly lost: number
}

/** Requests a second of the pair while the senders send, each its share, for a little longer than the pair asks. */
async function beside(i: TestInstance, server: string, to: string, port: number, rate: number): Promise<Beside> {
  // Whatever came before has settled.
  const before = await account(i)
  const flooding = rate === 0 ? [] : names.map((name) => said(i, name, perl('flood', to, String(port), String(seconds + 2), '64', String(Math.round(rate / senders)))))
  await sleep(rate === 0 ? 0 : 1_000)
  const requests = Number(await said(i, 'asker', perl('ask', server, '7002', String(seconds), '64')))
  await Promise.all(flooding)
  const after = await settled(i)
  const [recorded, lost] = [after.recorded - before.recorded, after.lost - before.lost]
  return { requests, refused: (recorded + lost) / (seconds + 2), recordedShare: recorded / Math.max(1, recorded + lost), lost }
}

/** A refused datagram for each line that it reads; the first call may give the error of the one before. */
const onDemand = (to: string): string => `use Socket; socket(my $s, PF_INET, SOCK_DGRAM, 0); connect($s, sockaddr_in(7006, inet_aton("${to}"))); while (<STDIN>) { send($s, "x", 0) || send($s, "x", 0) }`

/** Milliseconds from asking for a refused datagram, one at a time, until its record can be read. */
async function delays(i: TestInstance, to: string): Promise<readonly number[]> {
  const sender = i.converse('asker', 'perl', '-e', onDemand(to))
  const records = join(i.state, 'default/observe', verdictsFile)
  const size = (): number => statSync(records, { throwIfNoEntry: false })?.size ?? 0
  const times: number[] = []
  for (let n = 0; n < (quick ? 5 : 100); n++) {
    const [began, before] = [performance.now(), size()]
    sender.stdin?.write('\n')
    while (size() === before) await sleep(1)
    times.push(performance.now() - began)
    // Neither in step with anything that looks at regular intervals.
    await sleep(300 + 7 * (n % 100))
  }
  sender.kill('SIGKILL')
  return times
}

const { instance, close } = openInstance()
try {
  const up = await instance.up(set)
  if (!up.applied || up.failed.length > 0) throw new Error(JSON.stringify(up))
  const { workloads } = await instance.status()
  const address = (name: string): string => workloads.find((w) => w.workload === `lab/${name}`)?.ipv4 ?? ''
  const answering = instance.spawn('server', ...perl('answer', '0.0.0.0', '7002'))
  if (answering.stdout !== null) await once(answering.stdout, 'data')
  await settled(instance)
  const delay = await delays(instance, address('server'))
  const found = new Map<number, { refused: Beside[]; cost: number[]; control: number[] }>(rates.map((rate) => [rate, { refused: [], cost: [], control: [] }]))
  for (let round = 0; round < rounds; round++) {
    for (const [rate, { refused, cost, control }] of found) {
      const quiet = await beside(instance, address('server'), '', 0, 0)
      const allowed = await beside(instance, address('server'), address('sink'), 7004, rate)
      const flood = await beside(instance, address('server'), address('sink'), 7005, rate)
      refused.push(flood)
      cost.push(quiet.requests / flood.requests)
      control.push(quiet.requests / allowed.requests)
      process.stderr.write(`round ${round + 1}/${rounds}: ${digits(flood.refused)} refusals/s, ${digits(flood.lost)} lost, requests cost ${digits(cost.at(-1) ?? NaN)} of quiet\n`)
    }
  }
  answering.kill('SIGKILL')
  const without = [...found.values()].filter(({ refused }) => refused.every((b) => b.lost === 0)).map(({ refused }) => spread(refused.map((b) => b.refused)).median)
  report({
    name: 'observe',
    command: ['npm run bench:observe --', ...process.argv.slice(2)].join(' ').replace(/ --$/, ''),
    lines: [
      `${senders} workloads are refused for ${seconds + 2} s, ${rounds} rounds; median (min to max). What is refused is counted by the rules themselves. A pair asks and answers along its path meanwhile;`,
      'its cost is in time for each request: 1 is as before the flood. Senders, kernel, ulogd, recorder and the pair share the cores, hence the same with datagrams that are allowed, for comparison.',
      '',
      ...table(
        ['refusals wanted, /s', 'refused, /s', 'recorded, %', 'lost', 'cost of a request', 'the same beside allowed datagrams'],
        [...found].map(([rate, { refused, cost, control }]) => [
          rate.toLocaleString('en-US'), withSpread(refused.map((b) => b.refused)), withSpread(refused.map((b) => b.recordedShare * 100)), withSpread(refused.map((b) => b.lost)), withSpread(cost), withSpread(control),
        ]),
      ),
      '',
      `Most that were recorded without any loss: ${without.length === 0 ? 'none' : digits(Math.max(...without))} a second (target: 50,000). One identity has at most 10,000 a second recorded; beyond that refusals are dropped and counted.`,
      `Beside no flood a refusal can be read ${withSpread(delay)} ms after it was asked for, of ${delay.length}.`,
    ],
  })
} finally {
  await close()
}
