/** Clients that are slow, or send too much, against the inbound gateway, while somebody else goes on. */
import { onStage } from './lib/gateway-stage.ts'

const { outcomes } = onStage('gateway-attack-limits-main.ts')

const each = (names: readonly string[], value: string): Record<string, string> => Object.fromEntries(names.map((name) => [name, value]))

outcomes('whoever is slow with a head, sends one without measure, or floods with frames is sent away', {
  attacks: {
    ...each(['heads that never end, a byte at a time', 'lines that never end, one at a time'], '408 closed'),
    ...each(['a head of 40 KiB', 'a head of 40 KiB in small lines', '150 headers', 'a path of 40 KiB'], '431 closed'),
    ...each(['streams that are opened and reset', 'a head in continuations without an end', 'empty continuations', 'settings without an end', 'pings without an end', 'empty data without an end', 'priorities without an end'], 'closed'),
  },
})
outcomes('somebody else is served all the while, beside a hundred slow bodies and answers that nobody reads', { 'somebody else meanwhile': { answers: ['200'], some: true } })
outcomes('no workload hears of a head that has not ended', { 'heads that reached a workload without their end': 0, 'streams of 150 headers': 'reset 2' })
