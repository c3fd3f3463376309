import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findPluginFolder, ulogdConfig } from './ulogd-config.ts'

const plugins = ['inppkt_NFLOG', 'inpflow_NFCT', 'filter_IFINDEX', 'filter_IP2STR', 'raw2packet_BASE', 'output_JSON'].map((name) => `ulogd_${name}.so`)

function disk(folders: Readonly<Record<string, readonly string[]>>): (folder: string) => readonly string[] {
  return (folder) => folders[folder] ?? []
}

test('the plugins are found below any architecture, and only where all of them are', () => {
  const debian = { '/usr/lib': ['aarch64-linux-gnu', 'x86_64-linux-gnu', 'python3'], '/usr/lib/x86_64-linux-gnu/ulogd': plugins }
  assert.equal(findPluginFolder(disk(debian)), '/usr/lib/x86_64-linux-gnu/ulogd')
  assert.equal(findPluginFolder(disk({ ...debian, '/usr/lib/aarch64-linux-gnu/ulogd': plugins.slice(1) })), '/usr/lib/x86_64-linux-gnu/ulogd')
  assert.equal(findPluginFolder(disk({ '/usr/lib64/ulogd': plugins })), '/usr/lib64/ulogd')
  assert.equal(findPluginFolder(disk({ '/usr/lib64/ulogd': plugins.slice(1) })), undefined)
})

test('the largest buffer is above the first one, because ulogd ignores both otherwise', () => {
  const text = ulogdConfig({ pluginFolder: '/usr/lib/ulogd', group: 5 })
  const sizes = Array.from(text.matchAll(/^netlink_socket_buffer_(?:max)?size=(\d+)$/gm), (m) => Number(m[1]))
  assert.equal(sizes.length, 4)
  assert.ok((sizes[0] ?? 0) < (sizes[1] ?? 0) && (sizes[2] ?? 0) < (sizes[3] ?? 0))
  assert.match(text, /^group=5$/m)
})
