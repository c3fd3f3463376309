/** The part of `bulkhead verify` that runs inside the router namespace: progress on stderr, the evidence on stdout. */
import { parseArgs } from 'node:util'
import { isFault, messageOf } from '../base/fault.ts'
import { policyNow } from '../host/policy-time.ts'
import { verifyInstance } from '../host/verification.ts'

const { values } = parseArgs({ options: { folder: { type: 'string' }, mode: { type: 'string' }, prefix: { type: 'string' }, now: { type: 'string' }, 'all-pairs': { type: 'boolean' }, seed: { type: 'string' } } })

try {
  const evidence = await verifyInstance({
    folder: values.folder ?? '',
    mode: values.mode === 'host' ? 'host' : 'sandbox',
    prefix: values.prefix ?? '',
    now: policyNow(values.folder ?? '', Number(values.now)),
    allPairs: values['all-pairs'] === true,
    seed: values.seed,
    progress: (text) => process.stderr.write(`${text}\n`),
  })
  process.stdout.write(JSON.stringify({ evidence }))
} catch (error) {
  const fault = isFault(error) ? { code: error.code, message: error.message, help: error.help } : { code: 'internal', message: messageOf(error) }
  process.stdout.write(JSON.stringify({ fault }))
  process.exitCode = 1
}
