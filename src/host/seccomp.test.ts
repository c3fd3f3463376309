import assert from 'node:assert/strict'
import { test } from 'node:test'
import { syscallFilter } from './seccomp.ts'

/** What the kernel would answer: classic BPF, as far as these filters use it (linux/filter.h). */
function judge(program: Buffer, data: { readonly call: number; readonly architecture: number; readonly first?: number }): number {
  let accumulator = 0
  for (let at = 0; ; at += 8) {
    const [code, yes, no, value] = [program.readUInt16LE(at), program.readUInt8(at + 2), program.readUInt8(at + 3), program.readUInt32LE(at + 4)]
    if (code === 0x06) return value
    if (code === 0x20) accumulator = value === 0 ? data.call : value === 4 ? data.architecture : (data.first ?? 0)
    else if (code === 0x15) at += (accumulator === value ? yes : no) * 8
    else if (code === 0x35) at += (accumulator >= value ? yes : no) * 8
    else throw new Error(`instruction ${code}`)
  }
}

const allowed = 0x7fff_0000
const x64 = 0xc000_003e
const program = syscallFilter('x64') ?? Buffer.alloc(0)
const ask = (call: number, first = 0, architecture = x64): number => judge(program, { call, first, architecture })

test('sockets that belong to a network namespace can be made, others cannot', () => {
  const families = Array.from({ length: 64 }, (_, family) => family)
  for (const call of [41, 53]) assert.deepEqual(families.filter((family) => ask(call, family) === allowed), [1, 2, 10, 16, 17])
  assert.equal(ask(41, 40), 0x0005_0000 | 97, 'VSOCK, as if the kernel did not have it')
})

test('keyrings, io_uring, bpf and perf are refused, and nothing else is', () => {
  const refused = Array.from({ length: 1000 }, (_, call) => call).filter((call) => call !== 41 && call !== 53 && ask(call) !== allowed)
  assert.deepEqual(refused, [248, 249, 250, 298, 321, 425, 426, 427])
})

test('calls in the numbers of another architecture are refused whole', () => {
  for (const call of [0, 1, 3, 102, 359]) assert.equal(ask(call, 1, 0x4000_0003), 0x0005_0000 | 38)
  assert.equal(ask(0x4000_0000 | 1), 0x0005_0000 | 38)
})

test('an architecture whose numbers are not known has no filter', () => {
  assert.equal(syscallFilter('mips'), undefined)
  assert.ok(syscallFilter('arm64'))
})
