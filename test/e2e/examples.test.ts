/** Every folder under examples/ is what its README says: it checks, starts, verifies, and goes without a trace. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { run } from '../../src/base/process.ts'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { withoutServer } from '../kernel/lib/broker.ts'
import { livingIn, networkTraces, networksOf, processesOf } from './traces.ts'
import type { Finished } from '../../src/base/process.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const folders = readdirSync(join(repository, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && readdirSync(join(repository, 'examples', entry.name)).some((file) => file.endsWith('.yaml')))
  .map((entry) => entry.name)
  .sort()

/** What somebody tries in each example, and whether it is answered. */
const attempts: Readonly<Record<string, { readonly answered: readonly Attempt[]; readonly refused: readonly Attempt[] }>> = {
  'egress-policy': {
    answered: [['release-2', 'http://203.0.113.10/'], ['release-2', 'http://[2001:db8:113::10]/']],
    refused: [['release-1', 'http://203.0.113.10/'], ['release-2', 'http://203.0.113.200/']],
  },
  'federation-policy': {
    answered: [['reports', 'http://records.registry.internal:8080/']],
    refused: [['reports', 'tcp://records.registry.internal:9090'], ['trainer', 'tcp://records.registry.internal:8080']],
  },
  group: {
    answered: [['clean', 'http://store:7003/'], ['viewer', 'http://store:7003/']],
    refused: [['clean', 'tcp://ingest:7009'], ['store', 'tcp://viewer:8080']],
  },
  guardrail: {
    answered: [['front', 'http://back:8081/'], ['database', 'http://audit:6514/']],
    refused: [['front', 'tcp://database:5432'], ['database', 'tcp://203.0.113.70:443']],
  },
  'ingress-policy': {
    answered: [['outside', 'http://198.51.100.10/', '192.0.2.7'], ['outside', 'http://[2001:db8:51::10]/', '2001:db8:c1::7']],
    refused: [
      ['outside', 'http://198.51.100.10/', '192.0.2.200'],
      ['outside', 'http://[2001:db8:51::10]/', '2001:db8:c2::7'],
      ['outside', 'tcp://198.51.100.10:8080', '192.0.2.7'],
      ['web', 'tcp://192.0.2.7:443'],
      ['web', 'tcp://198.51.100.10:80'],
    ],
  },
  messages: {
    answered: [['thermometer', 'tcp://bus:4222']],
    refused: [['visitor', 'tcp://bus.house.internal:4222'], ['thermometer', 'tcp://worker.house.internal:4222']],
  },
  minimal: { answered: [], refused: [] },
  'service-policy': {
    answered: [['portal', 'http://search:9200/'], ['portal', 'udp://metrics:8125']],
    refused: [['portal', 'tcp://search:9300'], ['metrics', 'tcp://portal:8080']],
  },
  tre: {
    answered: [
      ['outside', 'http://198.51.100.10/', '192.0.2.7'],
      ['workspace-a/notebook', 'http://api-service:8080/summary'],
      ['workspace-a/notebook', 'http://airlock.platform.internal:8080/'],
      // By name, and encrypted, where there is a gateway.
      ...(findEnvoy() === undefined
        ? []
        : [['platform/package-mirror', 'tls://files.pythonhosted.org:443'] as const, ['workspace-b/notebook', 'http://airlock.platform.internal:8080/'] as const]),
    ],
    refused: [
      ['workspace-a/notebook', 'tcp://1.1.1.1:443'],
      ['workspace-b/notebook', 'http://169.254.169.254/'],
      ['workspace-b/notebook', 'tls://pypi.org:443'],
      ['platform/package-mirror', 'tls://example.org:443'],
      ['platform/package-mirror', 'tls://203.0.113.10:443'],
      ['outside', 'http://198.51.100.10/', '198.18.0.9'],
    ],
  },
}
type Bulkhead = (...argv: readonly string[]) => Promise<Finished>
/** From a workload, or from outside under some address. */
type Attempt = readonly [from: string, url: string, address?: string]

test('every example has a place in this list', () => {
  assert.deepEqual(folders, Object.keys(attempts).sort())
})

for (const folder of folders) {
  const directory = join(repository, 'examples', folder)

  test(`examples/${folder} has no problems, and its guardrails and tests hold`, async () => {
    const { code, stdout, stderr } = await run([join(repository, 'bin/bulkhead'), 'check', directory])
    assert.equal(code, 0, `${stdout}${stderr}`)
  })

  test(`examples/${folder} runs, is what it says for real packets, and leaves no trace`, { skip: folder === 'messages' ? withoutServer() : false }, async () => {
    const state = mkdtempSync(join(tmpdir(), 'bulkhead-examples-'))
    const bulkhead: Bulkhead = (...argv) =>
      run([join(repository, 'bin/bulkhead'), ...argv], { env: { ...process.env, BULKHEAD_STATE: state }, timeoutMs: 900_000 })
    const before = await networkTraces()
    let inside: ReadonlySet<string> = new Set()
    try {
      const internet = `exec '${process.execPath}' '${join(repository, 'examples/tre/outside/internet.mjs')}'`
      const up = await bulkhead('up', directory, '--sandbox', '--outside', internet)
      assert.equal(up.code, 0, `${up.stdout}${up.stderr}`)
      inside = networksOf(processesOf(state))
      assert.ok(inside.size > 0, 'the instance has networks of its own')
      const { answered, refused } = attempts[folder] ?? { answered: [], refused: [] }
      await Promise.all(answered.map((attempt) => answers(bulkhead, attempt)))
      await Promise.all(refused.map((attempt) => isRefused(bulkhead, attempt)))
      const verify = await bulkhead('verify')
      assert.match(verify.stdout, / 0 mismatches\n$/, `${verify.stdout}${verify.stderr}`)
      assert.equal(verify.code, 0)
    } finally {
      const down = await bulkhead('down')
      assert.equal(down.code, 0, `${down.stdout}${down.stderr}`)
    }
    assert.deepEqual(await networkTraces(), before)
    assert.deepEqual(livingIn(inside), [])
    assert.deepEqual(processesOf(state), [])
    rmSync(state, { recursive: true })
  })
}

async function answers(bulkhead: Bulkhead, attempt: Attempt): Promise<void> {
  const { code, stdout, stderr } = await ask(bulkhead, attempt, ['--wait', '20'])
  assert.equal(code, 0, `${attempt.join(' ')}: ${stdout}${stderr}`)
}

async function isRefused(bulkhead: Bulkhead, attempt: Attempt): Promise<void> {
  const { code, stdout, stderr } = await ask(bulkhead, attempt, [])
  assert.equal(code, 1, `${attempt.join(' ')}: ${stdout}${stderr}`)
  assert.match(stdout, /^refused: /)
}

function ask(bulkhead: Bulkhead, [from, url, address]: Attempt, options: readonly string[]): Promise<Finished> {
  if (address === undefined) return bulkhead('exec', from, '--', 'node', '/app/get.mjs', url, ...options)
  return bulkhead('exec', '--outside', '--', process.execPath, join(repository, 'examples/app/get.mjs'), url, '--from', address, ...options)
}
