import assert from 'node:assert/strict'
import { test } from 'node:test'
import { partsOf } from './parts.ts'

const table = 'add table inet bulkhead\ndelete table inet bulkhead\ntable inet bulkhead {\n  map port {\n    typeof iifgroup : meta mark\n  }\n  chain forward {\n    drop\n  }\n}\n'
const elements = (name: string, from: number, to: number): string => `add element inet bulkhead ${name} {\n${Array.from({ length: to - from }, (_, i) => `  ${from + i} : 0x1`).join(',\n')}\n}\n`

test('a ruleset is made in parts while nothing is forwarded: first the hold, then the rules, then elements, and the end of the hold last', () => {
  const parts = partsOf(`${table}${elements('port', 0, 1200)}${elements('range', 0, 3)}`)
  assert.deepEqual(parts, [
    'add table inet bulkhead-hold\ndelete table inet bulkhead-hold\ntable inet bulkhead-hold {\n  chain forward {\n    type filter hook forward priority -400; policy drop;\n  }\n}\n',
    table, elements('port', 0, 500), elements('port', 500, 1000), elements('port', 1000, 1200), elements('range', 0, 3),
    'add table inet bulkhead-hold\ndelete table inet bulkhead-hold\n',
  ])
})

test('nothing of a ruleset is lost in its parts', () => {
  const whole = `${table}${elements('port', 0, 2345)}${elements('range', 0, 7)}`
  const numbers = (text: string): readonly string[] => text.match(/\d+ : 0x1/g) ?? []
  assert.deepEqual(numbers((partsOf(whole) ?? []).join('')), numbers(whole))
})

test('changes of elements are not taken apart: one without the other would open what neither does', () => {
  assert.equal(partsOf('add element inet bulkhead port { 1 : 0x1 }\ndelete element inet bulkhead port { 1 }\n'), undefined)
})
