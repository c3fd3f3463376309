import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseConnection } from '../../src/host/conntrack.ts'
import { readBatch } from '../../src/observe/batch.ts'
import { explainer } from '../../src/observe/explain.ts'
import { hostIndex } from '../../src/observe/host-index.ts'
import { noLoss } from '../../src/observe/loss.ts'
import { readRecords } from '../../src/observe/read.ts'
import { openStore, parseStored, verdictsFile } from '../../src/observe/store.ts'
import { openTail } from '../../src/observe/tail.ts'
import { allowedLine, deniedLine, smallContext } from '../../src/observe/testing.ts'
import { fuzz, mutant } from './mutants.ts'

const context = smallContext()
const host = hostIndex(context.platform, context.inventory, context.ids)
const explaining = explainer(context.platform, context.intent, { now: () => 0, elapsed: () => performance.now() })
const reports = [deniedLine(), deniedLine({ 'oob.prefix': 'bh:spoof', 'ip.protocol': 58, src_ip: '::', dest_ip: 'ff02::16', 'icmpv6.type': 143 }), allowedLine(), allowedLine({ 'ct.event': 4, 'flow.end.sec': 1, 'flow.end.usec': 5 })]

test('damaged reports of the kernel make records that hold nothing but known text, or none', () => {
  fuzz(fc.array(mutant(reports), { maxLength: 6 }), 1500, (lines) => {
    const { records } = readBatch(lines, lines, host, explaining.explain, noLoss)
    for (const record of records) assert.doesNotMatch(JSON.stringify(record), /[^\x20-\x7e]/)
  })
})

test('damaged lines of the connection table are connections or nothing', () => {
  const lines = [
    'ipv4     2 tcp      6 431999 ESTABLISHED src=10.1.0.2 dst=203.0.113.9 sport=45264 dport=443 src=203.0.113.9 dst=198.18.255.2 sport=443 dport=45264 [ASSURED] mark=16 use=1',
    'ipv6     10 icmpv6   58 29 src=fd00::2 dst=fd00::3 type=128 code=0 id=5 src=fd00::3 dst=fd00::2 type=129 code=0 id=5 mark=3 use=1',
  ]
  fuzz(mutant(lines), 5000, (line) => {
    const connection = parseConnection(line)
    if (connection === undefined) return
    for (const { sourcePort, destinationPort } of [connection.original, connection.reply]) {
      for (const port of [sourcePort, destinationPort]) assert.ok(Number.isInteger(port) && port >= 0 && port <= 65_535, `port ${port}`)
    }
    assert.ok(Number.isInteger(connection.mark) && connection.mark >= 0 && connection.mark <= 0xffff_ffff)
  })
})

test('damaged files of records are read to their end, followed on, and opened for writing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-fuzz-'))
  try {
    const stored = ['{"kind":"position","denied":{"inode":1,"offset":2},"allowed":{"inode":1,"offset":2},"loss":{}}', '{"kind":"session","time":"2026-06-01T00:00:00.000000Z","event":"started"}', '{"kind":"loss","time":"x","of":"denied","lost":3}']
    const file = mutant([stored.join('\n') + '\n'])
    const samples = fc.sample(file, 60)
    for (const text of samples) {
      writeFileSync(join(folder, verdictsFile), text)
      for await (const line of readRecords(folder, { follow: false, signal: new AbortController().signal })) assert.ok(line)
      const store = openStore(folder, { fileBytes: 1 << 20, keptFiles: 2 })
      store.close()
      const tail = openTail(folder, verdictsFile, store.recovered?.denied)
      for (let rounds = 0; tail.read().more; rounds++) assert.ok(rounds < 1000)
      tail.close()
    }
    fuzz(mutant(stored), 500, (line) => void parseStored(line))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
