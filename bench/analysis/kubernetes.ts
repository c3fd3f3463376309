/**
 * How long the connectivity of a cluster takes, from files to lines, for more and more workloads with five policies each;
 * and `netpol-analyzer` on the same files in the same run, where it is on the PATH, in $NETPOL_ANALYZER, or can be had by
 * `go install`. Its answer is compared line by line.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { numbers, option, quick, report } from '../lib/results.ts'
import { digits, spread, table } from '../lib/stats.ts'
import { randomManifests } from './manifests.ts'

const sizes = numbers('workloads', quick ? [100, 1_000] : [100, 1_000, 10_000])
const rounds = Number(option('rounds') ?? (quick ? 2 : 5))
/** A peer that has not finished by then has not finished. */
const patience = Number(option('patience') ?? (quick ? 60 : 600)) * 1000

const bulkhead = resolve(import.meta.dirname, '../../bin/bulkhead')
const goPackage = 'github.com/np-guard/netpol-analyzer/cmd/netpol-analyzer'
const root = mkdtempSync(join(tmpdir(), 'bulkhead-bench-'))

interface Timed {
  readonly seconds: number
  readonly megabytes: number
  readonly lines: readonly string[]
}

/** The whole command: its time, its greatest memory as the kernel counted it, and its output. */
function timed(argv: readonly string[]): Timed | undefined {
  const began = performance.now()
  const { status, stdout, stderr } = spawnSync('perl', ['-e', measured, ...argv], { encoding: 'utf8', maxBuffer: 1 << 30, timeout: patience })
  const memory = /^peak (\d+)$/m.exec(stderr)?.[1]
  if (status !== 0 || memory === undefined) return undefined
  return { seconds: (performance.now() - began) / 1000, megabytes: Number(memory) / 1024, lines: stdout.split('\n').filter((line) => line !== '') }
}

/** Runs the command and looks at what the kernel says of it before its process is gone. */
const measured = `
my $pid = fork // die; if ($pid == 0) { exec @ARGV or exit 127 }
my $peak = 0;
while (waitpid($pid, 1) == 0) { if (open my $f, '<', "/proc/$pid/status") { while (<$f>) { $peak = $1 if /^VmHWM:\\s+(\\d+)/ && $1 > $peak } } select undef, undef, undef, 0.05 }
my $code = $? >> 8; print STDERR "peak $peak\\n"; exit $code;
`

/** Where the peer is, or why it is not there. */
function findPeer(): { readonly program: string } | { readonly missing: string } {
  const named = process.env['NETPOL_ANALYZER']
  for (const program of [...(named === undefined ? [] : [named]), 'netpol-analyzer']) {
    if (spawnSync(program, ['--help']).status === 0) return { program }
  }
  const { status, stderr } = spawnSync('go', ['install', `${goPackage}@latest`], { encoding: 'utf8', env: { ...process.env, GOBIN: root, GOFLAGS: '-mod=mod' }, timeout: patience })
  if (status === 0) return { program: join(root, 'netpol-analyzer') }
  return { missing: `\`go install ${goPackage}@latest\`: ${(stderr ?? 'go could not be started').trim().split('\n').at(-1)?.trim().replace(/\.$/, '') ?? ''}` }
}

function compare(ours: readonly string[], theirs: readonly string[]): string {
  const [a, b] = [new Set(ours), new Set(theirs)]
  const [only, other] = [ours.filter((line) => !b.has(line)).length, theirs.filter((line) => !a.has(line)).length]
  return only + other === 0 ? 'same lines' : `${only} lines only ours, ${other} only theirs`
}

const peer = findPeer()
const rows: string[][] = []
for (const size of sizes) {
  const folder = join(root, String(size))
  mkdirSync(folder)
  for (const [name, text] of randomManifests(size, size * 5)) writeFileSync(join(folder, name), text)
  const runs = Array.from({ length: rounds }, () => timed([bulkhead, 'matrix', '--kubernetes', folder])).flatMap((run) => run ?? [])
  const theirs = 'program' in peer ? timed([peer.program, 'list', '--dirpath', folder, '--quiet']) : undefined
  const { min, median, max } = spread(runs.map(({ seconds }) => seconds))
  const lines = runs[0]?.lines ?? []
  rows.push([
    digits(size), digits(size * 5), digits(lines.length), `${digits(median)} s (${digits(min)} to ${digits(max)})`, `${digits(runs[0]?.megabytes ?? NaN)} MiB`,
    'missing' in peer ? '-' : theirs === undefined ? `not in ${patience / 1000} s` : `${digits(theirs.seconds)} s, ${digits(theirs.seconds / median)} times ours; ${compare(lines, theirs.lines)}`,
  ])
}
rmSync(root, { recursive: true, force: true })

report({
  name: 'kubernetes',
  command: ['node bench/analysis/kubernetes.ts', ...process.argv.slice(2)].join(' '),
  lines: [
    'Median (least to most) of the whole command, reading the files and starting included.',
    '',
    ...table(['workloads', 'policies', 'lines', 'bulkhead matrix --kubernetes', 'memory', 'netpol-analyzer list'], rows),
    ...('missing' in peer ? ['', `netpol-analyzer could not be had here: ${peer.missing}.`] : []),
  ],
})
