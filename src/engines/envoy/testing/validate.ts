/** Lets Envoy itself judge a configuration before anything runs by it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '../../../base/fault.ts'
import { run } from '../../../base/process.ts'
import type { GatewayFiles } from '../render.ts'

/** Only what Envoy says about the fault, without times and addresses. */
export function complaintOf(output: string): string {
  const lines = output.split('\n').filter((line) => /\[(critical|error)\]/.test(line)).map((line) => line.replace(/^(\[[^\]]*\])+ (\[[^\]]*\] )?/, ''))
  return (lines.join('; ') || output.trim().split('\n').at(-1) || 'it said nothing').slice(0, 2_000)
}

/**
 * `envoy --mode validate` passes over everything that is subscribed to, so it is given the same listeners and clusters as static
 * ones. `folder` is where the configuration says that it lies. Throws a Fault that says what Envoy said.
 */
export async function validate(envoy: string, { files, needs }: Pick<GatewayFiles, 'files' | 'needs'>, folder: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), 'bulkhead-validate-'))
  try {
    // These have to be there, but what stands in them comes with time: empty ones will do for a look at the rest.
    for (const { file } of needs) await writeFile(join(scratch, file), '{"resources":[]}')
    const path = join(scratch, 'static.json')
    await writeFile(path, staticForm(files).replaceAll(`"${folder}/`, `"${scratch}/`).replaceAll(`"${folder}"`, `"${scratch}"`))
    const { code, stdout, stderr } = await run([envoy, '--mode', 'validate', '--config-path', path, '--log-level', 'error'], { timeoutMs: 60_000 })
    if (code !== 0) throw new Fault('gateway-rejected', `Envoy does not accept the configuration: ${complaintOf(`${stderr}\n${stdout}`)}`)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** One bootstrap that holds what it would have subscribed to. */
export function staticForm(files: ReadonlyMap<string, string>): string {
  const parsed = (name: string): Record<string, unknown> => JSON.parse(files.get(name) ?? '{}') as Record<string, unknown>
  const resources = (name: string): readonly unknown[] =>
    ((parsed(name)['resources'] ?? []) as readonly Record<string, unknown>[]).map((resource) => Object.fromEntries(Object.entries(resource).filter(([key]) => key !== '@type')))
  const rest = Object.fromEntries(Object.entries(parsed('bootstrap.json')).filter(([key]) => key !== 'dynamic_resources'))
  return JSON.stringify({ ...rest, static_resources: { listeners: resources('lds.json'), clusters: resources('cds.json') } })
}
