import assert from 'node:assert/strict'
import { globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')
const places = ['*', '.*', ...['.ci', 'bench', 'bin', 'docs', 'examples', 'src', 'test'].map((folder) => `${folder}/**`)]

/** Everything that people write; fixtures may break any rule, that is what they are for. */
const files = globSync(places, { cwd: root, exclude: (name) => name === 'node_modules' || name === 'fixtures' })
  .filter((file) => statSync(join(root, file)).isFile() && !/^(package-lock\.json|LICENSE)$|\.(png|svg|gz|log)$/.test(file))
  .sort()
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const isTest = (file: string): boolean => /\.test\.ts$|\/testing(\/|\.ts$)|\/arbitrar(y|ies)\.ts$/.test(file) || file.startsWith('test/')
const shipped = files.filter((file) => /^src\/.*\.ts$/.test(file) && !isTest(file))

function text(file: string): string {
  return texts.get(file) ?? ''
}

/** `file:line` of every line that matches. */
function lines(matching: RegExp, among: readonly string[] = files): readonly string[] {
  return among.flatMap((file) => text(file).split('\n').flatMap((line, index) => (matching.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])))
}

function none(found: readonly string[], what: string): void {
  assert.equal(found.length, 0, `${what}\n  ${found.join('\n  ')}`)
}

test('no file of src is longer than 300 lines, no test longer than 600', () => {
  const limit = (file: string): number => (isTest(file) ? 600 : 300)
  const typescript = files.filter((file) => file.endsWith('.ts'))
  none(typescript.filter((file) => text(file).split('\n').length - 1 > limit(file)), 'too long')
})

test('nothing is left for later in a comment', () => {
  none(lines(new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)), 'unfinished')
})

test('no test is switched off in its source, or alone switched on', () => {
  const switches = new RegExp(`\\b(test|it|describe|suite)\\.(${['sk' + 'ip', 'to' + 'do', 'on' + 'ly'].join('|')})\\(|\\b(sk${'ip'}|to${'do'}|on${'ly'}): true\\b`)
  none(lines(switches, files.filter((file) => isTest(file) && file !== 'test/structure/run.test.ts')), 'switched')
})

test('no file names a path of the machine that it was written on', () => {
  const paths = ['/wo' + 'rk/(main|shared)', '/tmp/' + 'brief', '/home/te' + 'ster', '/ro' + 'ot/\\.', '\\.lib' + 'rary/']
  none(lines(new RegExp(paths.join('|'))), 'a path of one machine')
})

test('text has no tabs, no spaces at the ends of lines, and ends with a line break', () => {
  const plain = files.filter((file) => !file.endsWith('.diff'))
  none(lines(/\t|[ \r]$/, plain), 'white space')
  none(plain.filter((file) => text(file) !== '' && !text(file).endsWith('\n')), 'no line break at the end')
  none(plain.filter((file) => text(file).endsWith('\n\n')), 'an empty line at the end')
})

/** What no test of its folder reaches, and where it is tested. */
const testedElsewhere: readonly (readonly [RegExp, string])[] = [
  [/^src\/cli\//, 'test/e2e runs the commands as a user does'],
  [/^src\/verify\/live\//, 'test/kernel/fault-verify.test.ts opens holes behind its back and expects each to be found'],
  [/^src\/host\//, 'test/e2e and test/kernel bring up real namespaces through the commands'],
]

function imports(file: string): readonly string[] {
  return Array.from(text(file).matchAll(/(?:from|import|resolve)[ (]'(\.[^']*\.ts)'/g), ([, to = '']) => normalize(join(dirname(file), to)))
}

/** What tests import, and from there whatever these files import in their own folder: a test of the whole tests its parts. */
function reachedByTests(): ReadonlySet<string> {
  const folder = (file: string): string => file.split('/').slice(0, 2).join('/')
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file) || !texts.has(file)) return
    reached.add(file)
    imports(file).filter((to) => folder(to) === folder(file)).forEach(visit)
  }
  files.filter(isTest).flatMap(imports).forEach(visit)
  return reached
}

test('every file of src with logic is reached by a test of its folder, or this test says where else it is tested', () => {
  const reached = reachedByTests()
  const logic = shipped.filter((file) => /\bfunction\b|=>\s*[^;]/.test(text(file).replace(/^\s*(\*|\/\/|\/\*).*$/gm, '')))
  none(logic.filter((file) => !reached.has(file) && !testedElsewhere.some(([pattern]) => pattern.test(file))), 'no test')
})

test('the list of exceptions names only what is there', () => {
  none(testedElsewhere.filter(([pattern]) => !shipped.some((file) => pattern.test(file))).map(([pattern]) => String(pattern)), 'gone')
})
