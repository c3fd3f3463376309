import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bwrapArguments } from './bwrap.ts'
import type { Confinement } from './bwrap.ts'

const confinement: Confinement = {
  start: { kind: 'run', command: ['node', '/app/server.mjs'], env: new Map([['PORT', '80'], ['A', 'x y']]), workdir: undefined, mounts: [{ from: '/srv/app', to: '/app' }], privileged: false },
  etc: '/state/etc/research.api.0',
  data: '/state/data/research.api.0',
  svid: '/state/identity/svid/research/api',
  runtime: '/opt/node/bin',
  hostname: 'api',
  env: { BULKHEAD_WORKLOAD: 'research/api' },
  system: [{ path: '/usr', link: undefined }, { path: '/bin', link: 'usr/bin' }],
}

const pairs = (flag: string): readonly (readonly string[])[] => {
  const argv = bwrapArguments(confinement)
  return argv.flatMap((word, i) => (word === flag ? [argv.slice(i + 1, i + 3)] : []))
}

test('a workload gets namespaces of its own and no capability', () => {
  const argv = bwrapArguments(confinement)
  for (const flag of ['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try', '--new-session', '--clearenv']) assert.ok(argv.includes(flag), flag)
  assert.equal(argv[argv.indexOf('--cap-drop') + 1], 'ALL')
})

test('a privileged workload has rights over its network and none over what it sees of files', () => {
  const argv = bwrapArguments({ ...confinement, start: { ...confinement.start, privileged: true } })
  const added = argv.flatMap((word, i) => (word === '--cap-add' ? [argv[i + 1]] : []))
  assert.deepEqual(added, ['CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_NET_BIND_SERVICE'])
  assert.equal(argv[argv.indexOf('--cap-drop') + 1], 'ALL')
  assert.equal(argv.includes('--unshare-user'), false, 'its user namespace owns its network, and was made before')
})

test('nothing of the machine is writable but the workload\'s own data', () => {
  assert.deepEqual(pairs('--bind'), [['/state/data/research.api.0', '/data']])
})

test('of the state folder a workload sees its own files, data and identity, nothing else', () => {
  const visible = ['--bind', '--ro-bind', '--ro-bind-try'].flatMap(pairs).map(([from = '']) => from)
  assert.deepEqual(visible.filter((p) => p.startsWith('/state') && !p.includes('research.api.0')), [confinement.svid])
  assert.deepEqual(visible.filter((p) => ['/', '/home', '/root', '/var', '/run', '/tmp', '/etc'].includes(p)), [])
})

test('the command comes last and as it was written, its environment sorted', () => {
  const argv = bwrapArguments(confinement)
  assert.deepEqual(argv.slice(argv.indexOf('--')), ['--', 'node', '/app/server.mjs'])
  assert.deepEqual(pairs('--setenv').map(([name]) => name), ['A', 'BULKHEAD_WORKLOAD', 'HOME', 'LANG', 'PATH', 'PORT', 'TMPDIR'])
})
