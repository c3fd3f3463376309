import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const unit = readFileSync(join(root, 'packaging/bulkhead.service'), 'utf8')

/** All words of a setting that may be given several times. */
function setting(text: string, name: string): readonly string[] {
  return Array.from(text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm')), ([, value = '']) => value).flatMap((value) => value.split(' '))
}

test('the service is there before the network, containers, virtual machines and a kubelet', () => {
  for (const other of ['network-pre.target', 'docker.service', 'containerd.service', 'crio.service', 'podman.service', 'kubelet.service', 'libvirtd.service', 'machines.target']) {
    assert.ok(setting(unit, 'Before').includes(other), other)
  }
  assert.ok(setting(unit, 'Wants').includes('network-pre.target'))
  assert.deepEqual(setting(unit, 'WantedBy'), ['multi-user.target'])
})

test('stopping the service ends the agent alone: no rule and no workload goes with it', () => {
  assert.deepEqual(setting(unit, 'KillMode'), ['process'])
  assert.deepEqual([...setting(unit, 'ExecStop'), ...setting(unit, 'ExecStopPost')], [])
  assert.deepEqual(setting(unit, 'Restart'), ['always'])
})

test('nothing in the service makes a mount namespace, in which the named network namespaces would be lost', () => {
  const namespaces = ['ProtectSystem', 'ProtectHome', 'PrivateTmp', 'PrivateDevices', 'PrivateMounts', 'PrivateNetwork', 'PrivateUsers', 'ProtectKernelTunables', 'ProtectControlGroups', 'ProtectHostname', 'ReadOnlyPaths', 'InaccessiblePaths', 'RootDirectory', 'BindPaths', 'SystemCallFilter']
  assert.deepEqual(namespaces.filter((name) => setting(unit, name).length > 0), [])
})

test('the service may do what the agent has to, and no more than a list', () => {
  const allowed = setting(unit, 'CapabilityBoundingSet')
  for (const needed of ['CAP_NET_ADMIN', 'CAP_SYS_ADMIN', 'CAP_SETUID', 'CAP_SYS_PTRACE']) assert.ok(allowed.includes(needed), needed)
  for (const never of ['CAP_SYS_MODULE', 'CAP_SYS_BOOT', 'CAP_SYS_TIME', 'CAP_SYS_RAWIO', 'CAP_MAC_ADMIN']) assert.ok(!allowed.includes(never), never)
  assert.deepEqual(setting(unit, 'NoNewPrivileges'), ['yes'])
})

test('installing writes a unit that starts the program of this tree, and a second time changes nothing', (t) => {
  const at = mkdtempSync(join(tmpdir(), 'bulkhead-install-'))
  t.after(() => rmSync(at, { recursive: true, force: true }))
  const install = (): number | null => spawnSync(join(root, 'packaging/install'), ['--root', at]).status
  assert.equal(install(), 0)
  const text = readFileSync(join(at, 'etc/systemd/system/bulkhead.service'), 'utf8')
  for (const name of ['ExecStart', 'ExecReload']) {
    const [program = ''] = setting(text, name)
    assert.equal(program, join(root, 'bin/bulkhead'))
    assert.ok(existsSync(program))
  }
  assert.equal(install(), 0)
  assert.equal(readFileSync(join(at, 'etc/systemd/system/bulkhead.service'), 'utf8'), text)
  assert.equal(spawnSync(join(root, 'packaging/install'), ['--elsewhere']).status, 2)
})
