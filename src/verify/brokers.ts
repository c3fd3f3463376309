/** Holds what a broker's configuration permits against what the documents say of messages. */
import { allows, read } from '../engines/nats/read.ts'
import { brokerPort } from '../model/platform.ts'
import { coversSubject } from '../net/subject.ts'
import { messageAllowed } from './reference/messages.ts'
import { workloadName } from './mesh-ends.ts'
import type { MessageAction } from './reference/messages.ts'
import type { Platform, WorkloadId } from '../model/platform.ts'
import type { PlacedBroker } from '../engines/nats/inventory.ts'
import type { Refusal } from '../engines/nats/capabilities.ts'

export interface BrokerComparison {
  readonly compared: number
  readonly permitted: number
  /** In words, each a message. */
  readonly differences: readonly string[]
}

const actions: readonly MessageAction[] = ['publish', 'subscribe']
/** Where nobody may speak: the broker's own subjects, everybody's inboxes at once, and a subject of nobody. */
const strangers = ['$SYS.REQ.SERVER.PING', '_INBOX', '_INBOX.any', 'bulkhead-nobody', 'bulkhead-nobody.any']
/** Workloads whose messages are looked at one by one; beyond, evenly. */
const mostWorkloads = 200

/** `placed`: where the broker should listen, and whom it should believe, as it sees the file. What was `refused` by name may be closed. */
export function compareBroker(platform: Platform, broker: WorkloadId, text: string, refused: readonly Refusal[], placed: Pick<PlacedBroker, 'listen' | 'bundleFile'>, now: number): BrokerComparison {
  const reading = read(text)
  const differences: string[] = [...reading.open]
  if (reading.believes !== placed.bundleFile) differences.push(`believes \`${reading.believes}\`, should believe \`${placed.bundleFile}\``)
  const place = `${placed.listen}:${portOf(platform, broker)}`
  if (reading.listen !== place) differences.push(`listens at \`${reading.listen}\`, should listen at \`${place}\``)
  const known = new Map([...platform.workloads.values()].map((each) => [workloadName(platform, each), each.id]))
  for (const name of reading.users.keys()) if (!known.has(name)) differences.push(`lets in \`${name}\`, whom no document names`)
  const subjects = subjectsOf(platform)
  let [compared, permitted] = [0, 0]
  const all = [...known]
  const stride = Math.max(1, Math.ceil(all.length / mostWorkloads))
  for (const [name, source] of all.filter(([each], i) => i % stride === 0 || reading.users.has(each))) {
    for (const action of actions) {
      for (const subject of subjects) {
        compared++
        const meant = messageAllowed(platform, { source, broker, action, subject }, now)
        const found = allows(reading, name, action, subject)
        if (meant) permitted++
        if (meant === found || (meant && declared(refused, source, broker, action, subject))) continue
        differences.push(`${source} may ${meant ? 'not ' : ''}${action} \`${subject}\`, should ${meant ? 'be able to' : 'not'}`)
      }
    }
  }
  return { compared, permitted, differences: [...new Set(differences)].sort() }
}

/** What the broker declares by the protocol's name; else the one that is registered for it. */
function portOf(platform: Platform, broker: WorkloadId): number {
  return platform.workloads.get(broker)?.ports.find(({ name, protocol }) => name === brokerPort && protocol === 'tcp')?.port ?? 4222
}

/** Who may not hear a question may not answer it either. */
function declared(refused: readonly Refusal[], source: WorkloadId, broker: WorkloadId, action: MessageAction, subject: string): boolean {
  const own = refused.filter(({ path }) => path.destination.kind === 'workload' && path.destination.workload === broker && path.source.kind === 'workload' && path.source.workload === source)
  return own.some((each) => each.subject === undefined || (action === 'subscribe' && coversSubject(each.subject, subject))) || (own.length > 0 && subject.startsWith('_INBOX.'))
}

/** For each pattern of the documents some that it holds and some beside it; for each workload its inbox. */
function subjectsOf(platform: Platform): readonly string[] {
  const specs = [...platform.servicePolicies.map(({ traffic }) => traffic), ...platform.federationPolicies.flatMap(({ imports, exports }) => [...imports, ...exports].map(({ traffic }) => traffic))]
  const patterns = [...new Set(specs.flatMap(({ messages }) => [...(messages?.publish ?? []), ...(messages?.subscribe ?? [])]))]
  const held = patterns.map((pattern) => pattern.replaceAll('*', 'any').replace(/>$/, 'any'))
  const beside = held.flatMap((subject) => [subject, `${subject}.more`, `not-${subject}`, subject.replace(/\.[^.]+$/, ''), subject.replace(/[^.]+$/, 'bulkhead-other')])
  const inboxes = [...platform.workloads.values()].slice(0, mostWorkloads).map(({ enclave, name }) => `_INBOX.${enclave}.${name}.any`)
  return [...new Set([...beside, ...inboxes, ...strangers])].sort()
}
