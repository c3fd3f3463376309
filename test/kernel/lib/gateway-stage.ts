/** Runs one of the gateway programs in namespaces of its own and gives what it found. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const apart = ['--user', '--map-root-user', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']

export async function staged(program: string): Promise<Readonly<Record<string, unknown>>> {
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
