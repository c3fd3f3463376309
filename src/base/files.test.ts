import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, ftruncateSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { defaultLimits, readDocumentFiles } from './files.ts'
import { measured } from './testing.ts'

const made: string[] = []
after(() => made.forEach((folder) => rmSync(folder, { recursive: true, force: true })))

function folder(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-files-'))
  made.push(root)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return root
}

const codes = (path: string) => readDocumentFiles(path).diagnostics.map((d) => `${d.at.file}:${d.at.line} ${d.code}`)
const paths = (path: string) => readDocumentFiles(path).files.map((f) => f.path)

test('a folder is read recursively, in one order, and only what can hold documents', () => {
  const root = folder({ 'b.yaml': 'b', 'a.yml': 'a', 'sub/c.json': '{}', 'B.yaml': '', 'readme.md': 'x', '.git/x.yaml': 'x', '.hidden.yaml': 'x', 'node_modules/p/y.yaml': 'x' })
  assert.deepEqual(paths(root), ['B.yaml', 'a.yml', 'b.yaml', 'sub/c.json'])
  assert.equal(readDocumentFiles(root).files[2]?.absolute, join(root, 'b.yaml'))
})

test('one file is shown by the path that was given', () => {
  const root = folder({ 'one.txt': 'text' })
  assert.deepEqual(readDocumentFiles(join(root, 'one.txt')).files.map((f) => [f.path, f.text]), [[join(root, 'one.txt'), 'text']])
})

test('a file whose name could drive a terminal or break a line is refused, the others are read', () => {
  const root = folder({ 'a.yaml': 'a', 'b\u001b[31m.yaml': 'b', 'c\n/d.yaml': 'c', 'e\u202e.yaml': 'e', 'Zoë <&> \'x\'.yaml': 'z' })
  assert.deepEqual(codes(root), ['b\u001b[31m.yaml:1 forbidden-character', 'c\n/d.yaml:1 forbidden-character', 'e\u202e.yaml:1 forbidden-character'])
  assert.deepEqual(paths(root), ['Zoë <&> \'x\'.yaml', 'a.yaml'])
  assert.deepEqual(codes(join(root, 'b\u001b[31m.yaml')).length, 1)
})

test('an empty folder holds no files and no problem', () => {
  assert.deepEqual(readDocumentFiles(folder()), { files: [], diagnostics: [] })
})

test('a path that does not exist is not an empty folder', () => {
  const path = join(folder(), 'nothing')
  assert.deepEqual(codes(path), [`${path}:1 file-not-found`])
})

test('a file of 100 MB is refused without being read', () => {
  const root = folder({ 'ok.yaml': 'a: 1' })
  const fd = openSync(join(root, 'big.yaml'), 'w')
  ftruncateSync(fd, 100_000_000)
  closeSync(fd)
  const { value: { files, diagnostics }, ms } = measured(() => readDocumentFiles(root))
  assert.ok(ms < 1000, `${ms} ms`)
  assert.deepEqual(files.map((f) => f.path), ['ok.yaml'])
  assert.match(diagnostics[0]?.message ?? '', /95\.4 MiB; the limit is 4 MiB/)
})

test('a file of exactly the limit is read, one byte more is not', () => {
  const root = folder({ 'a.yaml': 'x'.repeat(10), 'b.yaml': 'x'.repeat(11) })
  const { files, diagnostics } = readDocumentFiles(root, { ...defaultLimits, fileBytes: 10 })
  assert.deepEqual([files.length, diagnostics.map((d) => d.at.file)], [1, ['b.yaml']])
})

test('a set that is too large altogether is refused once', () => {
  const root = folder({ 'a.yaml': 'xxxx', 'b.yaml': 'xxxx', 'c.yaml': 'xxxx' })
  for (const limits of [{ totalBytes: 7 }, { files: 1 }, { entries: 1 }]) {
    assert.deepEqual(readDocumentFiles(root, { ...defaultLimits, ...limits }).diagnostics.map((d) => d.code), ['set-too-large'])
  }
})

test('a file that is not UTF-8 is refused at its first bad line', () => {
  const root = folder({ 'latin.yaml': Buffer.from('name: x\nowner: J\xf6rg\n', 'latin1'), 'utf16.yaml': Buffer.from('\ufeffa: 1', 'utf16le') })
  assert.deepEqual(codes(root), ['latin.yaml:2 not-utf8', 'utf16.yaml:1 not-utf8'])
})

test('links that lead in a circle are found, to themselves and to a folder above', () => {
  const root = folder({ 'sub/a.yaml': 'a' })
  symlinkSync('self.yaml', join(root, 'self.yaml'))
  symlinkSync('..', join(root, 'sub', 'up'))
  assert.deepEqual(codes(root), ['self.yaml:1 symlink-loop', 'sub/up:1 symlink-loop'])
  assert.deepEqual(paths(root), ['sub/a.yaml'])
})

test('links that leave the folder are refused, to files and to folders', () => {
  const outside = folder({ 'x.yaml': 'x' })
  const root = folder()
  symlinkSync(join(outside, 'x.yaml'), join(root, 'x.yaml'))
  symlinkSync(outside, join(root, 'there'))
  symlinkSync('/etc/passwd', join(root, 'notes.txt'))
  assert.deepEqual(codes(root), ['there:1 symlink-outside', 'x.yaml:1 symlink-outside'])
  assert.deepEqual(paths(root), [])
})

test('a sibling whose name begins like the folder is outside of it', () => {
  const parent = folder({ 'set-other/x.yaml': 'x', 'set/a.yaml': 'a' })
  symlinkSync('../set-other/x.yaml', join(parent, 'set', 'x.yaml'))
  assert.deepEqual(codes(join(parent, 'set')), ['x.yaml:1 symlink-outside'])
})

test('a link inside the folder is followed, and each real file is read once', () => {
  const root = folder({ '..data/policy.yaml': 'p', 'a.yaml': 'a' })
  symlinkSync('..data/policy.yaml', join(root, 'policy.yaml'))
  symlinkSync('a.yaml', join(root, 'b.yaml'))
  assert.deepEqual(paths(root), ['a.yaml', 'policy.yaml'])
})

test('a link that leads nowhere and a pipe are refused, and nothing waits', () => {
  const root = folder()
  symlinkSync('gone', join(root, 'a.yaml'))
  execFileSync('mkfifo', [join(root, 'b.yaml')])
  assert.deepEqual(codes(root), ['a.yaml:1 file-unreadable', 'b.yaml:1 file-unreadable'])
})
