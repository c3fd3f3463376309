/** What ulogd2 is told: refusals (NFLOG) to one file, connections (conntrack events) to another, one JSON object a line. */

/** File names inside the observe folder. ulogd runs in that folder, because it cuts settings off at 225 characters. */
export const deniedFile = 'denied.json'
export const allowedFile = 'allowed.json'
export const ulogdLogFile = 'ulogd.log'
export const ulogdConfigFile = 'ulogd.conf'

export interface UlogdConfigOptions {
  /** The folder that holds ulogd's plugins; see `pluginFolders`. */
  readonly pluginFolder: string
  /** The NFLOG group that the log rules name; never 0, which takes over the kernel's own log. */
  readonly group: number
}

const plugins = ['inppkt_NFLOG', 'inpflow_NFCT', 'filter_IFINDEX', 'filter_IP2STR', 'raw2packet_BASE', 'output_JSON'] as const

const mebibyte = 1024 * 1024

/**
 * Written for ulogd 2.0.8. A buffer size is ignored unless the largest size is above it, so both are set; without the
 * right to exceed net.core.rmem_max the kernel clamps them. ulogd doubles the buffer each time it overruns.
 */
export function ulogdConfig({ pluginFolder, group }: UlogdConfigOptions): string {
  const buffers = [`netlink_socket_buffer_size=${16 * mebibyte}`, `netlink_socket_buffer_maxsize=${64 * mebibyte}`]
  // Each line is flushed: an answer within a second matters more than fewer system calls.
  const output = (file: string): string[] => [`file="${file}"`, 'sync=1', 'timestamp=0']
  return [
    '[global]',
    `logfile="${ulogdLogFile}"`,
    'loglevel=3',
    ...plugins.map((name) => `plugin="${pluginFolder}/ulogd_${name}.so"`),
    'stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,json1:JSON',
    'stack=ct1:NFCT,ip2str2:IP2STR,json2:JSON',
    '[log1]',
    `group=${group}`,
    'seq_local=1',
    // In units of 10 ms: a log rule with a queue threshold still delivers at once.
    'netlink_qtimeout=10',
    ...buffers,
    '[ct1]',
    // NEW and DESTROY.
    'event_mask=0x00000005',
    'hash_enable=0',
    // The kernel keeps events that do not fit and sends them again.
    'reliable=1',
    ...buffers,
    '[json1]',
    ...output(deniedFile),
    '[json2]',
    ...output(allowedFile),
    '',
  ].join('\n')
}

/**
 * The folder that has every plugin needed, or `undefined`. Distributions put it in different places, Debian below the
 * name of the architecture. `list` gives the names in a folder, none when it does not exist.
 */
export function findPluginFolder(list: (folder: string) => readonly string[]): string | undefined {
  const below = ['/usr/lib', '/usr/local/lib'].flatMap((parent) => [...list(parent)].sort().map((name) => `${parent}/${name}/ulogd`))
  const candidates = [...below, '/usr/lib64/ulogd', '/usr/lib/ulogd', '/usr/local/lib64/ulogd', '/usr/local/lib/ulogd']
  return candidates.find((folder) => {
    const names = new Set(list(folder))
    return plugins.every((name) => names.has(`ulogd_${name}.so`))
  })
}
