/** Verification is able to fail: holes are opened behind its back, and it finds each. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { echo, instanceOfFile, lab, policy } from './lib/instance.ts'
import type { TestInstance } from './lib/instance.ts'

const set = lab({ client: {}, other: {}, server: { script: echo(7000), ports: '[7000, 7009]' } }, policy('client', 'server', 7000))

interface Hole {
  readonly name: string
  readonly make: (i: TestInstance) => Promise<readonly (readonly string[])[]>
  /** What the evidence must say. */
  readonly cause: RegExp
}

const chain = ['inet', 'bulkhead'] as const

/** Made while no agent is there to mend them. */
const holes: readonly Hole[] = [
  {
    name: 'an element that nobody asked for',
    make: async (i) => {
      const { stdout } = await i.router('nft', 'list', 'map', ...chain, 'port')
      const element = /(\d+) \. (\d+) \. tcp \. 7000[^:]*: (0x[0-9a-f]+)/.exec(stdout)
      assert.ok(element, stdout)
      return [['nft', 'add', 'element', ...chain, 'port', `{ ${element[1]} . ${element[2]} . tcp . 7009 : ${element[3]} }`]]
    },
    cause: /7009/,
  },
  {
    name: 'rules that accept everything, in both chains',
    make: async () => [['nft', 'insert', 'rule', ...chain, 'forward', 'accept'], ['nft', 'insert', 'rule', ...chain, 'gate', 'accept']],
    cause: /rule was added|mismatch|wider|unreadable/,
  },
  {
    name: 'a hole for IPv6 alone',
    make: async () => [
      ['nft', 'insert', 'rule', ...chain, 'forward', 'meta', 'nfproto', 'ipv6', 'accept'],
      ['nft', 'insert', 'rule', ...chain, 'gate', 'meta', 'nfproto', 'ipv6', 'accept'],
    ],
    cause: /IPv6 alone/,
  },
  {
    name: 'chains whose drop is missing',
    make: async () => [
      ['nft', 'flush', 'chain', ...chain, 'forward'], ['nft', 'flush', 'chain', ...chain, 'gate'],
      ['nft', 'chain', ...chain, 'forward', '{ policy accept; }'], ['nft', 'chain', ...chain, 'gate', '{ policy accept; }'],
    ],
    cause: /rule was added|mismatch/,
  },
  {
    name: 'an interface with another\'s group',
    make: async (i) => {
      const { stdout } = await i.router('ip', '-json', 'link', 'show')
      const links = (JSON.parse(stdout) as { ifname: string; group: string }[]).filter((l) => /^bhw\d+$/.test(l.ifname))
      const [one, another] = links
      assert.ok(one && another && one.group !== another.group, stdout)
      return [['ip', 'link', 'set', 'dev', another.ifname, 'group', one.group]]
    },
    cause: /group of bhw/,
  },
  { name: 'a deleted table', make: async () => [['nft', 'delete', 'table', ...chain]], cause: /lacks this path|packets are lost|reaches nothing/ },
]

const i = instanceOfFile()

before(async () => {
  await upAndSound()
})

async function upAndSound(): Promise<void> {
  const { applied, failed } = await i.up(set)
  assert.deepEqual([applied, failed], [true, []])
  const { good, probes, mismatches, deviations, reading } = await i.verify()
  assert.equal(good, true, JSON.stringify([mismatches, deviations, reading]))
  assert.ok(probes > 100)
}

for (const { name, make, cause } of holes) {
  test(`verification finds ${name}, and nothing once the next agent has mended it`, async () => {
    await i.killAgent()
    for (const argv of await make(i)) {
      const { code, stderr } = await i.router(...argv)
      assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`)
    }
    const evidence = await i.verify()
    assert.equal(evidence.good, false)
    assert.match(JSON.stringify([evidence.mismatches, evidence.deviations, evidence.reading]), cause)
    await upAndSound()
  })
}
