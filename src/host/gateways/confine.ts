/**
 * The command line that confines a gateway's process (pure but for the stage): unprivileged like a workload's, it sees the
 * system's libraries, what it is given, and nothing of the agent, of workloads, or of the other gateways.
 */
import { filterDescriptor, insideUid, kernelSettings, sharedEtc, statusDescriptor } from '../bwrap.ts'
import { hostUid, stage } from '../drop-root.ts'
import { inNetns } from '../ip.ts'
import type { SystemFolder } from '../bwrap.ts'
import type { Setting } from '../setting.ts'
import type { GatewaySeat } from './places.ts'

export interface GatewayProgram {
  readonly argv: readonly string[]
  /** Host files and folders; `write` ones belong to the gateway's own user. */
  readonly binds: readonly { readonly from: string; readonly to: string; readonly write?: boolean }[]
  readonly env: Readonly<Record<string, string>>
  /** It outlives the agent, and bubblewrap tells which process is its first one inside; what is not told of ends with the agent. */
  readonly told: boolean
}

export function gatewayArguments(setting: Setting, seat: GatewaySeat, program: GatewayProgram, system: readonly SystemFolder[]): readonly string[] {
  if (setting.mode === 'sandbox') return inNetns(seat.netns, confine(seat, program, system))
  const { at, before } = stage(program.binds.map((b) => b.from), gatewayUid(seat))
  return inNetns(seat.netns, [...before, ...confine(seat, { ...program, binds: program.binds.map((b, i) => ({ ...b, from: at(i) })) }, system)])
}

/** On a machine each gateway has a user of its own, as each identity has. */
export function gatewayUid(seat: Pick<GatewaySeat, 'group'>): number {
  return hostUid(seat.group)
}

function confine(seat: GatewaySeat, { argv, binds, env, told }: GatewayProgram, system: readonly SystemFolder[]): readonly string[] {
  return [
    'bwrap',
    '--unshare-user', '--uid', String(insideUid), '--gid', String(insideUid),
    '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try',
    '--hostname', seat.name,
    '--new-session', ...(told ? [] : ['--die-with-parent']),
    '--cap-drop', 'ALL',
    ...system.flatMap((s) => (s.link === undefined ? ['--ro-bind', s.path, s.path] : ['--symlink', s.link, s.path])),
    '--dir', '/etc',
    ...sharedEtc.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    '--proc', '/proc',
    ...kernelSettings.flatMap((path) => ['--ro-bind-try', path, path]),
    '--dev', '/dev',
    '--tmpfs', '/tmp',
    ...binds.flatMap(({ from, to, write }) => [write === true ? '--bind' : '--ro-bind', from, to]),
    '--remount-ro', '/',
    '--chdir', '/tmp',
    '--clearenv',
    ...Object.entries({ PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: '/tmp', ...env }).sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, value]) => ['--setenv', name, value]),
    ...(told ? ['--json-status-fd', String(statusDescriptor)] : []),
    '--seccomp', String(filterDescriptor),
    '--',
    ...argv,
  ]
}
