import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { renewalInstant, startSvidRotation } from './svid-rotation.ts'
import { hour, minute, testAuthority } from './testing.ts'
import { manualClock } from '../base/clock.ts'
import type { TestContext } from 'node:test'
import type { SvidRotation, SvidRotationOptions } from './svid-rotation.ts'
import type { Svid } from './svid.ts'
import type { Authority } from './authority.ts'

const id = 'spiffe://tre.example.org/enclave/research/workload/db'
const other = 'spiffe://tre.example.org/enclave/research/workload/web'

interface Bench {
  readonly rotation: SvidRotation
  readonly authority: Authority
  readonly delivered: string[]
  readonly problems: string[]
  readonly advance: (ms: number) => void
  readonly jump: (ms: number) => void
  readonly now: () => number
}

/** The rotation and its authority with the same wall clock, and a steady one of the rotation's own. */
function bench(t: TestContext, more: Partial<SvidRotationOptions> = {}): Bench {
  const { authority, now, jump, advance: both } = testAuthority(t)
  const steady = manualClock(0)
  const delivered: string[] = []
  const problems: string[] = []
  const rotation = startSvidRotation({
    authority, clock: now, monotonic: steady.now, random: () => 0.5, everyMs: 0,
    deliver: (svid, bundle) => void delivered.push(`${svid.spiffeId.slice(-3)} ${bundle.authorities.length}`),
    onProblem: (spiffeId, error) => void problems.push(`${spiffeId.slice(-3)} ${String(error)}`),
    ...more,
  })
  t.after(() => rotation.stop())
  return {
    rotation, authority, delivered, problems, jump, now,
    advance: (ms) => {
      both(ms)
      steady.advance(ms)
    },
  }
}

test('renewal comes at half of a life, a tenth earlier or later by chance', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.integer({ min: 1000, max: 2 ** 32 }), fc.double({ min: 0, max: 1, noNaN: true }), (notBefore, life, random) => {
    const at = renewalInstant({ notBefore, notAfter: notBefore + life }, random)
    assert.ok(at >= notBefore + life * 0.39 && at <= notBefore + life * 0.61)
  }))
})

test('each identity is delivered at once, and again at half of its life', async (t) => {
  const { rotation, delivered, advance } = bench(t)
  await rotation.set([id, other])
  assert.deepEqual(delivered, ['/db 1', 'web 1'])
  const first = rotation.current(id)
  advance(28 * minute)
  await rotation.tick()
  assert.equal(rotation.current(id), first)
  advance(3 * minute)
  await rotation.tick()
  assert.notEqual(rotation.current(id)?.serial, first?.serial)
  assert.equal(delivered.length, 4)
  await rotation.set([other])
  assert.equal(rotation.current(id), undefined)
})

test('a clock that is set back or forward, or stands still, leaves no identity that is not valid', async (t) => {
  const { rotation, jump, advance, now } = bench(t)
  await rotation.set([id])
  for (const ms of [-30 * minute, 5 * hour, 30 * 24 * hour, -10 * 24 * hour, -30 * minute]) {
    jump(ms)
    await rotation.tick()
    const { notBefore = 0, notAfter = 0 } = rotation.current(id) ?? {}
    assert.ok(notBefore <= now() && now() < notAfter - 20 * minute, `after ${ms} ms`)
  }
  const before = rotation.current(id)
  advance(31 * minute)
  jump(-31 * minute)
  await rotation.tick()
  assert.notEqual(rotation.current(id)?.serial, before?.serial, 'half of its life has really passed')
})

test('the clocks of a machine may do anything: what is in use is valid, or is told as a problem', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: -12 * hour, max: 12 * hour })), { maxLength: 8 }), async (moves) => {
    const { rotation, jump, advance, now, problems } = bench(t)
    await rotation.set([id])
    for (const [sets, ms] of moves) {
      if (sets) jump(ms)
      else advance(Math.abs(ms))
      const told = problems.length
      // Long enough for what is tried again after a failure.
      advance(2 * minute)
      await rotation.tick()
      const svid = rotation.current(id)
      assert.ok((svid !== undefined && svid.notBefore <= now() && now() <= svid.notAfter) || problems.length > told)
    }
  }), { numRuns: 8 })
})

test('a new bundle is delivered with the identity that is in use', async (t) => {
  const { rotation, authority, delivered } = bench(t)
  await rotation.set([id])
  const { serial } = rotation.current(id) ?? {}
  authority.rotateRoot()
  await rotation.tick()
  await rotation.tick()
  assert.deepEqual(delivered, ['/db 1', '/db 2'])
  assert.equal(rotation.current(id)?.serial, serial)
})

test('an identity that nobody vouches for any more is renewed at once', async (t) => {
  const { rotation, advance, authority } = bench(t)
  await rotation.set([id])
  const before = rotation.current(id)
  advance(2 * 365 * 24 * hour)
  authority.maintain()
  await rotation.tick()
  assert.notEqual(rotation.current(id)?.serial, before?.serial)
})

test('what could not be delivered is tried again, later and later, and does not hold up others', async (t) => {
  let broken = true
  const delivered: string[] = []
  const { rotation, advance, problems } = bench(t, {
    deliver: async (svid) => {
      await Promise.resolve()
      if (broken && svid.spiffeId === id) throw new Error('no room')
      delivered.push(svid.spiffeId)
    },
  })
  await rotation.set([id, other])
  assert.deepEqual(delivered, [other])
  assert.equal(rotation.current(id), undefined, 'what is nowhere is not in use')
  await rotation.tick()
  assert.equal(problems.length, 1)
  for (let s = 0; s < 60; s++) {
    advance(1000)
    await rotation.tick()
  }
  assert.ok(problems.length > 3 && problems.length < 9, `${problems.length} tries in a minute`)
  broken = false
  advance(2 * minute)
  await rotation.tick()
  assert.deepEqual(delivered, [other, id])
})

test('an identity that is in place already is used on after a restart, if it is good', async (t) => {
  const first = bench(t)
  await first.rotation.set([id])
  const svid = first.rotation.current(id)
  assert.ok(svid !== undefined)
  const adopting = (adopted: Svid): SvidRotation => startSvidRotation({ authority: first.authority, clock: first.now, everyMs: 0, deliver: () => undefined, onProblem: () => undefined, adopt: () => adopted })
  const second = adopting(svid)
  await second.set([id])
  assert.equal(second.current(id)?.serial, svid.serial)
  const wrong = adopting(first.authority.issue(other))
  await wrong.set([id])
  assert.equal(wrong.current(id)?.spiffeId, id)
  first.advance(2 * hour)
  const late = adopting(svid)
  await late.set([id])
  assert.notEqual(late.current(id)?.serial, svid.serial)
})
