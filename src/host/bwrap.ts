/**
 * The command line that confines a workload's process (pure). It sees the system's programs, a minimal /etc, its own mounts
 * and data, and nothing of the agent or of other workloads: file systems are channels that network namespaces do not close.
 */
import type { Start } from '../model/platform.ts'

export interface Confinement {
  readonly start: Extract<Start, { kind: 'run' }>
  /** Host folder with the generated /etc files. */
  readonly etc: string
  /** Host folder that becomes /data. */
  readonly data: string
  /** Host folder with the workload's own identity, which is renewed there. */
  readonly svid: string
  /** Host folder of the runtime that Bulkhead itself uses, offered to workloads. */
  readonly runtime: string
  readonly hostname: string
  readonly env: Readonly<Record<string, string>>
  /** Which system folders exist as real folders and which are links (`/bin` to `usr/bin`). */
  readonly system: readonly SystemFolder[]
}

export interface SystemFolder {
  readonly path: string
  readonly link: string | undefined
}

export const insideUid = 1000
/** What a privileged workload may do to its own network namespace. Never CAP_SYS_ADMIN: what it sees of files stays as it was set up. */
export const privilegedCapabilities = ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_NET_BIND_SERVICE'] as const
/** Where a workload finds its certificate, its key and the authorities that it trusts. */
export const insideSvid = '/run/bulkhead/svid'
const runtimeFolder = '/opt/bulkhead/bin'
/** The runtime first: a workload gets the same one on every machine. */
export const insidePath = `${runtimeFolder}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`

/** Files of the host's /etc that programs need and that hold nothing private. */
export const sharedEtc = ['alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime', 'protocols', 'services', 'ssl/certs', 'ca-certificates.conf']

/**
 * Files of /proc that set up the machine. They are written to with a user id, not with a capability: to a workload of a
 * sandbox that root has made they would be open.
 */
export const kernelSettings = ['acpi', 'bus', 'fs', 'irq', 'mtrr', 'pressure', 'scsi', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`)

/** Descriptors that bubblewrap gets from whoever starts it. */
export const statusDescriptor = 3
export const filterDescriptor = 4

export function bwrapArguments(c: Confinement): readonly string[] {
  return [
    'bwrap',
    // A privileged one is started inside its user namespace already.
    ...(c.start.privileged ? [] : ['--unshare-user', '--uid', String(insideUid), '--gid', String(insideUid)]),
    '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try',
    '--hostname', c.hostname,
    '--new-session',
    '--cap-drop', 'ALL',
    ...(c.start.privileged ? privilegedCapabilities.flatMap((capability) => ['--cap-add', capability]) : []),
    ...c.system.flatMap((s) => (s.link === undefined ? ['--ro-bind', s.path, s.path] : ['--symlink', s.link, s.path])),
    '--ro-bind', c.runtime, runtimeFolder,
    '--dir', '/etc',
    ...sharedEtc.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    ...['hosts', 'passwd', 'group', 'resolv.conf', 'nsswitch.conf', 'host.conf'].flatMap((name) => ['--ro-bind', `${c.etc}/${name}`, `/etc/${name}`]),
    '--proc', '/proc',
    ...kernelSettings.flatMap((path) => ['--ro-bind-try', path, path]),
    '--dev', '/dev',
    '--tmpfs', '/tmp',
    '--dir', '/run',
    '--dir', '/var/tmp',
    '--ro-bind', c.svid, insideSvid,
    '--bind', c.data, '/data',
    ...c.start.mounts.flatMap((m) => ['--ro-bind', m.from, m.to]),
    '--remount-ro', '/',
    '--chdir', c.start.workdir ?? '/data',
    '--clearenv',
    ...Object.entries(insideEnvironment(c)).sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, value]) => ['--setenv', name, value]),
    '--json-status-fd', String(statusDescriptor),
    '--seccomp', String(filterDescriptor),
    '--',
    ...c.start.command,
  ]
}

/** The complete environment of a process inside. */
function insideEnvironment(c: Pick<Confinement, 'start' | 'env'>): Readonly<Record<string, string>> {
  return { HOME: '/data', PATH: insidePath, LANG: 'C.UTF-8', TMPDIR: '/tmp', ...Object.fromEntries(c.start.env), ...c.env }
}
