import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { consoleBlocks, matchesOutput } from './console-blocks.ts'
import { openSession } from './session.ts'

const fence = '```'

test('a console block is a list of commands with what they print', () => {
  const { blocks, problems } = consoleBlocks(`# a\n\n${fence}console\n$ echo a\na\n$ cat <<END\n> b\n> END\nb\n${fence}\n`)
  assert.deepEqual(problems, [])
  assert.deepEqual(blocks, [
    {
      line: 3,
      notRun: undefined,
      needs: undefined,
      commands: [
        { line: 4, command: 'echo a', expected: ['a'], exits: 0 },
        { line: 6, command: 'cat <<END\nb\nEND', expected: ['b'], exits: 0 },
      ],
    },
  ])
})

test('a comment before a block keeps it from being run, or names the status of its last command', () => {
  const { blocks } = consoleBlocks(`<!-- not run: it waits -->\n${fence}console\n$ a\n${fence}\n\n<!-- exits 1 -->\n\n${fence}console\n$ b\n$ c\n${fence}\n`)
  assert.equal(consoleBlocks('<!-- needs nats-server -->\n```console\n$ true\n```\n').blocks[0]?.needs, 'nats-server')
  assert.equal(blocks[0]?.notRun, 'it waits')
  assert.deepEqual(blocks[1]?.commands.map(({ exits }) => exits), [0, 1])
})

test('a command that would escape the check is a problem', () => {
  assert.deepEqual(consoleBlocks(`${fence}sh\n$ a\n${fence}\n`).problems.length, 1)
  assert.deepEqual(consoleBlocks(`${fence}console\na\n${fence}\n`).problems.length, 1)
  assert.deepEqual(consoleBlocks(`${fence}console\n$ a\n`).problems.length, 1)
})

test('output matches line by line, and `...` stands for lines or for text', () => {
  assert.ok(matchesOutput(['a', 'b'], 'a\nb\n'))
  assert.ok(matchesOutput([], ''))
  assert.ok(!matchesOutput([], 'a\n'))
  assert.ok(!matchesOutput(['a'], 'a\nb\n'))
  assert.ok(matchesOutput(['a', '...', 'd'], 'a\nb\nc\nd\n'))
  assert.ok(matchesOutput(['a', '...'], 'a\n'))
  assert.ok(matchesOutput(['took ... s (1.5)'], 'took 0.3 s (1.5)\n'))
  assert.ok(!matchesOutput(['took ... s (1.5)'], 'took 0.3 s (1x5)\n'))
})

test('a session is one shell of an ordinary user without a network, and all that it started ends with it', async () => {
  const session = openSession(tmpdir(), { PATH: process.env['PATH'] ?? '' })
  assert.deepEqual(await session.run('x=1; id -u; echo err >&2'), { code: 0, output: '1000\nerr\n' })
  assert.deepEqual(await session.run('sleep 98765.4321 & echo "$x"; ls /sys/class/net 2>/dev/null | wc -l >/dev/null; cat /proc/net/dev | grep -c :; (exit 3)'), {
    code: 3,
    output: '1\n1\n',
  })
  await assert.rejects(session.run('sleep 5', 50), /no end after/)
  assert.ok(sleeping())
  await session.close()
  assert.ok(!sleeping())
})

function sleeping(): boolean {
  return globSync('/proc/[0-9]*/cmdline').some((file) => {
    try {
      return readFileSync(file, 'utf8').startsWith('sleep\0' + '98765.4321')
    } catch {
      return false // it ended while we looked
    }
  })
}
