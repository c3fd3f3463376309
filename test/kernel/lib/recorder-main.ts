/**
 * A recorder in a process of its own, as the agent is one, so that it can be killed. Argument: the folder, and limits as
 * JSON. Each line on stdin is a command (`stats`, `detach`, `stop`), each line on stdout an answer.
 */
import { createInterface } from 'node:readline'
import { defaultLogGroup } from '../../../src/engines/nftables/render.ts'
import { loggedPackets } from '../../../src/host/ruleset-state.ts'
import { startRecorder } from '../../../src/observe/recorder.ts'
import { smallContext } from '../../../src/observe/testing.ts'
import type { RecorderLimits } from '../../../src/observe/recorder.ts'

const [folder = '', limits = '{}'] = process.argv.slice(2)
const answer = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`)

const recorder = await startRecorder({
  folder, context: smallContext(), group: defaultLogGroup, counted: loggedPackets,
  limits: JSON.parse(limits) as Partial<RecorderLimits>,
  onProblem: (message) => process.stderr.write(`recorder: ${message}\n`),
})
answer('ready')
for await (const command of createInterface({ input: process.stdin })) {
  if (command === 'stop') await recorder.stop()
  if (command === 'detach') await recorder.detach()
  answer(recorder.stats())
  if (command !== 'stats') process.exit(0)
}
// The test has gone: nothing is left behind.
await recorder.stop()
