/** Runs one of the gateway programs in namespaces of its own; the tests of a file are about what it found. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findEnvoy } from '../../../src/engines/envoy/binary.ts'

const apart = ['--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']

async function staged(program: string): Promise<Readonly<Record<string, unknown>>> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-gateway-'))
  try {
    return await new Promise((resolve, reject) => {
      execFile('unshare', [...apart, process.execPath, join(import.meta.dirname, program), folder], { encoding: 'utf8', timeout: 120_000, maxBuffer: 64 << 20 }, (error, out, err) => {
        if (error === null) resolve(JSON.parse(out) as Record<string, unknown>)
        else reject(new Error(`${error.message}\n${err}`))
      })
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** For `skip`: without an Envoy there is nothing to try. */
export const missing = findEnvoy() === undefined ? 'no envoy' : false

export interface Stage {
  /** What came of one try. */
  readonly found: (key: string) => unknown
  /** A test that these tries, and no others, came out so. */
  readonly outcomes: (title: string, expected: Readonly<Record<string, unknown>>) => void
}

/** Runs the program before the tests of the file that calls this. */
export function onStage(program: string): Stage {
  let results: Readonly<Record<string, unknown>> = {}
  before(async () => {
    if (missing === false) results = await staged(program)
  })
  return {
    found: (key) => results[key],
    outcomes: (title, expected) =>
      void test(title, { skip: missing }, () => {
        assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, results[key]])), expected)
      }),
  }
}
