import assert from 'node:assert/strict'
import { test } from 'node:test'
import { need } from './secrets.ts'
import { digest, fingerprint, meshName } from './names.ts'
import { envoyOrSkip, intentOf, inventoryOf } from './testing.ts'
import { platformOf, service, workload } from '../../model/testing.ts'
import { render } from './render.ts'
import { validate } from './testing/validate.ts'

/** Found in a minute of one processor: two names of one fingerprint, as any tenant can have them. */
const twins = ['waozwmt76nymgdi7t76nycozwmt76nymgdi7cozwmcozwmcozwmt76ny', 'wogdi7mgdi7mgdi7cozwmt76nymgdi7t76nyt76nycozwmmgdi7t76ny'] as const
const [one, other] = twins.map((name) => `spiffe://bulkhead.internal/enclave/a/workload/${name}`) as [string, string]

test('names that keep callers apart do so for whoever tries to be taken for another', () => {
  assert.equal(fingerprint(one), fingerprint(other))
  assert.notEqual(digest(one), digest(other))
  assert.equal(digest('abc'), 'ba7816bf8f01cfea414140de5dae2223', 'the beginning of what FIPS 180-4 gives')
  assert.notEqual(meshName(one, 5432, 'db', 'a', 'bulkhead.internal'), meshName(other, 5432, 'db', 'a', 'bulkhead.internal'))
  assert.notEqual(need({ kind: 'seal', issuer: one }).file, need({ kind: 'seal', issuer: other }).file)
})

test('two callers of one fingerprint do not keep Envoy from taking what is rendered for everybody', async (t) => {
  const envoy = envoyOrSkip(t)
  if (envoy === undefined) return
  const platform = platformOf({
    workloads: [...twins.map((name) => workload(`a/${name}`)), workload('a/db', { ports: [5432] })],
    servicePolicies: twins.map((name, n) => service(`a/p${n}`, `a/${name}`, 'a/db', 'tcp 5432', { encryption: 'required' })),
  })
  const { inbound, outbound } = render(platform, intentOf(platform), inventoryOf(platform), { now: 0 })
  assert.equal(inbound.rules.size, 2)
  for (const files of [inbound, outbound]) await validate(envoy, files, '/run/envoy')
})
