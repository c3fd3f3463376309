/**
 * A machine of its own, as root: networks, mounts and processes apart from ours, an `internet` behind `wan`, and `bulkhead`
 * called on it without a sandbox.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { start } from '../../../src/base/process.ts'
import { said } from './instance.ts'
import type { House } from './instance.ts'

export interface Machine extends House {
  /** Ends everything on it. */
  readonly end: () => Promise<void>
}

/** The addresses that the machine and the internet have on `wan`. */
export const wan = { machine: '192.0.2.1', internet: '192.0.2.2' } as const
/** Addresses in the internet. */
export const internet = ['203.0.113.5', '203.0.114.5', '2001:db8:1::5'] as const

const script = `set -e
mount -t tmpfs tmpfs /run; mkdir /run/netns; ip link set lo up
ip netns add internet
ip link add wan type veth peer name eth0 netns internet
ip addr add ${wan.machine}/24 dev wan; ip addr add 2001:db8:2::1/64 dev wan nodad; ip link set wan up
ip -n internet link set lo up; ip -n internet addr add ${wan.internet}/24 dev eth0; ip -n internet addr add 2001:db8:2::2/64 dev eth0 nodad; ip -n internet link set eth0 up
${internet.map((address) => `ip -n internet addr add ${address} dev lo`).join('\n')}
for net in 198.51.100.7/32 10.128.0.0/16; do ip -n internet route add $net via ${wan.machine}; done
for net in 2001:db8:7::7/128 fdbb:1::/32; do ip -n internet route add $net via 2001:db8:2::1; done
ip route add default via ${wan.internet}; ip route add default via 2001:db8:2::2
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
echo ready
# Orphans are this one's, as on any machine.
while :; do sleep 86400 & wait $! || :; done`

export async function openMachine(): Promise<Machine> {
  const child = start(['unshare', '--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child=SIGKILL', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  await said(child, /ready/)
  const first = childOf(child.pid ?? 0)
  const enter = (argv: readonly string[]): readonly string[] => ['nsenter', `--target=${first}`, '--net', '--mount', '--pid', '--', ...argv]
  const inNetns = (name: string, argv: readonly string[]): readonly string[] => enter(['nsenter', `--net=/run/netns/${name}`, '--', ...argv])
  return {
    enter,
    router: (_, argv) => Promise.resolve(inNetns('bh-default-router', argv)),
    outside: (argv) => inNetns('internet', argv),
    flags: [],
    prefix: 'bh-default-',
    end: () => {
      process.kill(first, 'SIGKILL')
      return ended
    },
  }
}

function childOf(parent: number): number {
  const found = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).find((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent
    } catch {
      return false
    }
  })
  if (found === undefined) throw new Error('the machine ended at once')
  return Number(found)
}
