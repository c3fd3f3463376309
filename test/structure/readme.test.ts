/** Every command that the documentation shows with its output is run, in order, and must print just that. */
import assert from 'node:assert/strict'
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test } from 'node:test'
import { consoleBlocks, matchesOutput } from '../support/console-blocks.ts'
import { openSession } from '../support/session.ts'

const root = resolve(import.meta.dirname, '../..')
const documents = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root }).sort()

/** A folder that looks like the repository's root to a reader, whose own copies of the examples the commands may change. */
function workspace(): string {
  const base = mkdtempSync(join(tmpdir(), 'bulkhead-docs-'))
  const tree = join(base, 'bulkhead')
  mkdirSync(join(base, 'home'))
  mkdirSync(tree)
  for (const name of readdirSync(root)) {
    if (name === 'examples' || name === 'docs') cpSync(join(root, name), join(tree, name), { recursive: true })
    else if (!name.startsWith('.')) symlinkSync(join(root, name), join(tree, name))
  }
  return tree
}

function environment(tree: string): Record<string, string> {
  const home = join(dirname(tree), 'home')
  const system = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
  const path = [join(tree, 'bin'), join(root, 'node_modules/node/bin'), ...system].join(':')
  return { PATH: path, HOME: home, BULKHEAD_STATE: join(home, 'state'), LC_ALL: 'C.UTF-8', NO_COLOR: '1', TERM: 'dumb', TZ: 'UTC' }
}

test('there is a README to try', () => {
  assert.ok(documents.includes('README.md'))
})

for (const document of documents) {
  const text = readFileSync(join(root, document), 'utf8')
  const { blocks, problems } = consoleBlocks(text)

  test(`${document} shows no command in a way that escapes this check`, (t) => {
    assert.deepEqual(problems, [])
    for (const block of blocks) if (block.notRun !== undefined) t.diagnostic(`${document}:${block.line} is not run: ${block.notRun}`)
  })

  test(`every link of ${document} leads to a file`, () => {
    const links = Array.from(text.replace(/```[\s\S]*?```|`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g), ([, to = '']) => to)
    const local = links.filter((to) => !/^[a-z]+:/.test(to)).map((to) => to.replace(/#.*$/, '')).filter((to) => to !== '')
    assert.deepEqual(local.filter((to) => !existsSync(join(root, dirname(document), to))), [])
  })

  const commands = blocks.filter((block) => block.notRun === undefined).flatMap((block) => block.commands)
  if (commands.length === 0) continue

  const missing = blocks.flatMap(({ needs }) => needs ?? []).find((program) => !environment(root)['PATH']?.split(':').some((folder) => existsSync(join(folder, program))))
  test(`the commands of ${document} do what the page says`, { skip: missing === undefined ? false : `no ${missing}: run bin/setup` }, async (t) => {
    const tree = workspace()
    const session = openSession(tree, environment(tree))
    t.after(async () => {
      await session.close()
      rmSync(dirname(tree), { recursive: true, force: true })
    })
    for (const { line, command, expected, exits } of commands) {
      await t.test(`${document}:${line} \`${command}\``, async () => {
        const { code, output } = await session.run(command)
        assert.ok(matchesOutput(expected, output), `the page says\n${expected.join('\n')}\nand it printed\n${output}`)
        assert.equal(code, exits, `exit status ${code}\n${output}`)
      })
    }
  })
}
