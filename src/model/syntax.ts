/** Text to documents: YAML (several to a file) or JSON, as plain data with places. What has two readings is refused. */
import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import { quote } from '../base/diagnostic.ts'
import { messageOf } from '../base/fault.ts'
import { forbiddenCharacters, hasForbiddenCharacter, scanYaml } from './scan.ts'
import type { Document, Node, ParsedNode, YAMLParseError } from 'yaml'
import type { Diagnostic } from '../base/diagnostic.ts'
import type { Location } from '../base/location.ts'
import type { ScanProblem } from './scan.ts'
import type { Path, RawDocument, SourceFile } from './source.ts'

export interface Parsed {
  readonly documents: readonly RawDocument[]
  readonly diagnostics: readonly Diagnostic[]
}

/** A person corrects the first few; the rest are mostly their echoes. */
const mostSyntaxErrors = 10

/** Empty documents are nothing; a document with a syntax error is left out, and its diagnostics are in the list. */
export function parseFile(file: SourceFile): Parsed {
  const isJson = file.path.toLowerCase().endsWith('.json')
  const bare = file.text.replace(/^\ufeff/, '')
  // In valid JSON a tab is only ever white space, and YAML would refuse it as indentation.
  const text = isJson ? bare.replaceAll('\t', ' ') : bare
  const lines = new LineCounter()
  for (let i = -1; i < text.length; i = nextLineEnd(text, i + 1)) lines.addNewLine(i + 1)
  const place = (offset: number): Location => {
    const { line, col } = lines.linePos(Math.min(offset, text.length))
    return { file: file.path, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const refused = (problems: readonly ScanProblem[]): Parsed => ({
    documents: [],
    diagnostics: problems.map(({ offset, ...rest }) => ({ ...rest, severity: 'error', at: place(offset) })),
  })

  const characters = forbiddenCharacters(text)
  if (characters.length > 0) return refused(characters)
  if (text.trim() === '') return { documents: [], diagnostics: [] }
  if (isJson) {
    const problem = jsonProblem(bare)
    if (problem !== undefined) return refused([problem])
  }
  const scanned = scanYaml(text)
  if (scanned.length > 0) return refused(scanned)
  return readDocuments(file, text, place)
}

function readDocuments(file: SourceFile, text: string, place: (offset: number) => Location): Parsed {
  const documents: RawDocument[] = []
  const diagnostics: Diagnostic[] = []
  for (const doc of compose(text)) {
    if (doc.errors.length > 0) {
      // Everything after a tab is read as something else than it looks like.
      const tabs = doc.errors.filter((e) => isTab(e, text))
      diagnostics.push(...(tabs.length > 0 ? tabs : doc.errors).slice(0, mostSyntaxErrors).map((e) => syntaxDiagnostic(e, text, place)))
      continue
    }
    if (doc.directives?.yaml.explicit === true && doc.directives.yaml.version !== '1.2') {
      diagnostics.push({ code: 'yaml-syntax', severity: 'error', message: `YAML ${doc.directives.yaml.version} is not accepted`, at: place(0), help: 'remove the %YAML line' })
      continue
    }
    const root = doc.contents
    if (root === null || (isScalar(root) && root.value === null)) continue
    const reader = plainReader(place)
    const value = reader.read(root)
    documents.push({
      file,
      value,
      at: place(root.range[0]),
      problems: reader.diagnostics,
      locate: (path) => place(offsetOf(root, path)),
      locateKey: (path) => place(keyOffset(root, path)),
    })
  }
  return { documents, diagnostics }
}

function compose(text: string): readonly Document.Parsed<ParsedNode>[] {
  // A stack for each of a hostile text's thousand errors costs more than all the rest.
  const depth = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    const all = parseAllDocuments(text, { version: '1.2', schema: 'core', merge: false, uniqueKeys: false, strict: true, prettyErrors: false, logLevel: 'silent' })
    // A text without any document is an empty list that carries its errors.
    const errors = 'errors' in all ? all.errors : []
    return errors.length > 0 ? [{ errors, directives: undefined, contents: null } as unknown as Document.Parsed<ParsedNode>] : all
  } finally {
    Error.stackTraceLimit = depth
  }
}

function syntaxDiagnostic(error: YAMLParseError, text: string, place: (offset: number) => Location): Diagnostic {
  const at = place(error.pos[0])
  const base = { severity: 'error', at } as const
  if (error.message.startsWith('Maximum call stack')) return { ...base, code: 'too-deep', message: 'values are nested too deep' }
  if (isTab(error, text)) {
    return { ...base, code: 'yaml-syntax', message: 'a tab in the indentation', help: 'indent by spaces', given: '\t' }
  }
  return { ...base, code: 'yaml-syntax', message: shorten(lowerCase(error.message)) }
}

function isTab(error: YAMLParseError, text: string): boolean {
  return error.code === 'TAB_AS_INDENT' || (text[error.pos[0]] === '\t' && error.code !== 'BAD_DQ_ESCAPE')
}

/** What the parser says quotes the text, which may hold anything. */
function shorten(message: string): string {
  return quote(message).slice(1, -1).replaceAll('\\`', '`')
}

/** Sentences of others begin with a capital letter, ours do not; a name such as `JSON` keeps its own. */
function lowerCase(message: string): string {
  return message.replace(/^[A-Z](?=[a-z ])/, (c) => c.toLowerCase())
}

function jsonProblem(text: string): ScanProblem | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (thrown) {
    const message = messageOf(thrown)
    const offset = Number(/at position (\d+)/.exec(message)?.[1] ?? (message.includes('end of JSON') ? text.length : 0))
    return { code: 'json-syntax', offset, message: shorten(lowerCase(message.replace(/ in JSON at position.*| \(line.*/, ''))) }
  }
}

/** The end of the line that holds `from`: the offset of its last character. */
function nextLineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

function plainReader(place: (offset: number) => Location): { readonly read: (node: Node) => unknown; readonly diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = []
  const problem = (offset: number, code: Diagnostic['code'], message: string, help?: string, given?: string): void => {
    diagnostics.push({ code, severity: 'error', message, at: place(offset), ...(help === undefined ? {} : { help }), ...(given === undefined ? {} : { given }) })
  }
  const read = (node: unknown): unknown => {
    if (isSeq<ParsedNode>(node)) return node.items.map(read)
    if (isMap<ParsedNode, ParsedNode | null>(node)) return readMap(node.items)
    return isScalar(node) ? readScalar(node as ScalarNode) : null
  }
  const readMap = (items: readonly { readonly key: unknown; readonly value: unknown }[]): unknown => {
    const out = Object.create(null) as Record<string, unknown>
    const seen = new Set<string>()
    for (const { key, value } of items) {
      const offset = (key as ParsedNode | null)?.range?.[0] ?? 0
      const text = isScalar(key) ? key.value : undefined
      if (typeof text !== 'string') problem(offset, 'wrong-type', 'a key that is not text', 'quote the key')
      else if (text === '<<') problem(offset, 'yaml-alias', 'the merge key `<<` is not accepted', 'write the fields out', text)
      else if (text === '__proto__') problem(offset, 'invalid-name', 'the key `__proto__` is not accepted', undefined, text)
      else if (hasForbiddenCharacter(text)) problem(offset, 'forbidden-character', `a control character in the key ${quote(text)}`, undefined, text)
      else if (seen.has(text)) problem(offset, 'duplicate-key', `the key ${quote(text)} is written twice`, 'remove one of them', text)
      else {
        seen.add(text)
        out[text] = read(value)
      }
    }
    return out
  }
  const readScalar = (node: ScalarNode): unknown => {
    const { value, source = '' } = node
    const offset = node.range?.[0] ?? 0
    if (typeof value === 'string' && hasForbiddenCharacter(value)) {
      problem(offset, 'forbidden-character', `a control character in ${quote(value)}`, undefined, value)
    }
    if (typeof value !== 'number' && typeof value !== 'bigint') return value
    if (/^(0|-?[1-9][0-9]*)$/.test(source) && Number.isSafeInteger(Number(source))) return Number(source)
    problem(offset, 'wrong-type', `${quote(source)} is not a plain decimal number`, 'write digits only, or quote it if it should be text', source)
    return 0
  }
  return { read, diagnostics }
}

interface ScalarNode {
  readonly value: unknown
  readonly source?: string
  readonly range?: readonly [number, number, number] | null
}

function offsetOf(root: ParsedNode, path: Path): number {
  let here: unknown = root
  let offset = root.range[0]
  for (const step of path) {
    if (isMap(here)) {
      const pair = here.items.find((p) => isScalar(p.key) && p.key.value === step)
      if (pair === undefined) break
      offset = (pair.key as ParsedNode).range[0]
      here = pair.value
    } else if (isSeq(here)) here = here.items[Number(step)]
    else break
    const range = (here as ParsedNode | null | undefined)?.range
    if (range === undefined || range === null) break
    // An empty value (`spec:`) has no place of its own; its key has.
    if (!(isScalar(here) && here.value === null)) offset = range[0]
  }
  return offset
}

function keyOffset(root: ParsedNode, path: Path): number {
  let here: unknown = root
  for (const step of path.slice(0, -1)) {
    if (isMap(here)) here = here.items.find((p) => isScalar(p.key) && p.key.value === step)?.value
    else if (isSeq(here)) here = here.items[Number(step)]
  }
  if (!isMap(here)) return offsetOf(root, path)
  const pair = here.items.find((p) => isScalar(p.key) && p.key.value === path.at(-1))
  return pair === undefined ? offsetOf(root, path) : (pair.key as ParsedNode).range[0]
}
