/** A table of many elements where no socket may be as large as all of them: as an ordinary user has it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { applyRuleset } from '../../src/engines/nftables/apply.ts'
import { render } from '../../src/engines/nftables/render.ts'
import { lowered, path } from '../../src/engines/nftables/testing.ts'
import { openSandbox } from './lib/sandbox.ts'
import type { WorkloadId } from '../../src/model/platform.ts'
import type { Sandbox } from './lib/sandbox.ts'

let sandbox: Sandbox
before(async () => {
  sandbox = await openSandbox()
})
after(() => sandbox.close())

test('what does not fit in one transaction is loaded whole all the same, twice over, and nothing holds it back afterwards', async () => {
  const workloads = Array.from({ length: 60 }, (_, i): WorkloadId => `e/w${i}`)
  const paths = workloads.flatMap((source) => workloads.flatMap((destination) => (source === destination ? [] : [path(source, destination, 'tcp 80'), path(source, destination, 'tcp 90')])))
  const { atoms, inventory } = lowered({ workloads, paths }, 0)
  assert.equal(atoms.direct.length, 7080)
  const text = render(atoms, inventory, { now: 0 })
  let refused = 0
  // Where this machine's sockets are larger than is usual, the whole is refused in the kernel's stead.
  const large = Number(readFileSync('/proc/sys/net/core/wmem_default', 'utf8')) > 400_000
  const run: typeof sandbox.run = async (argv, options) => {
    const finished = large && options?.input === text ? { code: 1, stdout: '', stderr: 'Message too long' } : await sandbox.run(argv, options)
    if (finished.stderr.includes('Message too long')) refused++
    return finished
  }
  for (const round of [1, 2]) {
    await applyRuleset(text, { run })
    assert.equal(refused, round, 'this is about what does not fit')
    const { stdout } = await sandbox.run(['nft', 'list', 'map', 'inet', 'bulkhead', 'port'])
    assert.equal(stdout.match(/ : 0x/g)?.length, 7080)
    assert.equal((await sandbox.run(['nft', 'list', 'tables'])).stdout, 'table inet bulkhead\n')
  }
})
