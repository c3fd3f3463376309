import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { manualClock } from '../base/clock.ts'
import { openPolicyTime, policyNow } from './policy-time.ts'

function folder(t: { after: (done: () => void) => void }): string {
  const made = mkdtempSync(join(tmpdir(), 'bulkhead-clock-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const noon = Date.parse('2026-06-01T12:00:00Z')
const hour = 3_600_000

test('when the clock steps back, time goes on from where it was', (t) => {
  const clock = manualClock(noon)
  const uptime = manualClock(5_000)
  const time = openPolicyTime(folder(t), clock.now, () => ({ boot: 'a', ms: uptime.now() }))
  time.keep()
  clock.advance(-hour)
  uptime.advance(60_000)
  assert.equal(time.now(), noon + 60_000)
  clock.advance(3 * hour)
  assert.equal(time.now(), noon + 2 * hour)
})

test('an agent that starts later in the same boot knows how long nobody looked', (t) => {
  const at = folder(t)
  openPolicyTime(at, () => noon, () => ({ boot: 'a', ms: 1_000 })).keep()
  const later = openPolicyTime(at, () => noon - hour, () => ({ boot: 'a', ms: 1_000 + 7 * hour }))
  assert.equal(later.now(), noon + 7 * hour)
})

test('after a reboot with a clock that is behind, time is at least what was kept', (t) => {
  const at = folder(t)
  openPolicyTime(at, () => noon, () => ({ boot: 'a', ms: 9_000_000 })).keep()
  assert.equal(openPolicyTime(at, () => noon - hour, () => ({ boot: 'b', ms: 10 })).now(), noon)
  assert.equal(openPolicyTime(at, () => noon + hour, () => ({ boot: 'b', ms: 10 })).now(), noon + hour)
})

test('without any memory the clock counts, and a damaged memory is an error', (t) => {
  const at = folder(t)
  assert.equal(policyNow(at, noon), noon)
  writeFileSync(join(at, 'clock.json'), '{"latest":"soon"}')
  assert.throws(() => policyNow(at, noon), /damaged/)
  writeFileSync(join(at, 'clock.json'), '{"la')
  assert.throws(() => policyNow(at, noon), /not JSON/)
})

test('whatever clock and machine do, time never goes back by more than was not kept', (t) => {
  const at = folder(t)
  const step = fc.record({ clock: fc.integer({ min: -2 * hour, max: 2 * hour }), uptime: fc.nat(hour), reboot: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      rmSync(join(at, 'clock.json'), { force: true })
      let wall = noon
      let boot = { boot: '0', ms: 0 }
      let most = 0
      for (const [i, s] of steps.entries()) {
        wall += s.clock
        boot = s.reboot ? { boot: String(i + 1), ms: 0 } : { ...boot, ms: boot.ms + s.uptime }
        const time = openPolicyTime(at, () => wall, () => boot)
        assert.ok(time.now() >= most)
        most = time.now()
        time.keep()
      }
    }),
    { numRuns: 60 },
  )
})
