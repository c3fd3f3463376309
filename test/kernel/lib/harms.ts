/** Changes of the kernel's state by somebody else than the agent. */
import { lab, policy, echo } from './instance.ts'
import type { TestInstance } from './instance.ts'

export const harmedSet = lab({ client: {}, server: { script: echo(7000, 7009), ports: '[7000, 7009]' } }, policy('client', 'server', 7000))

export interface Harm {
  readonly name: string
  /** A command for the machine that forwards. */
  readonly command: (i: TestInstance) => Promise<readonly string[]>
  /** What is told of it. */
  readonly seen: RegExp
}

/** Each would open or break something if nobody looked. */
export const harms: readonly Harm[] = [
  { name: 'the table is deleted', command: async () => ['nft', 'delete', 'table', 'inet', 'bulkhead'], seen: /table was deleted/ },
  { name: 'a rule that accepts everything is put first', command: async () => ['nft', 'insert', 'rule', 'inet', 'bulkhead', 'forward', 'accept'], seen: /table was changed/ },
  { name: 'all rules of the forward chain are flushed', command: async () => ['nft', 'flush', 'chain', 'inet', 'bulkhead', 'forward'], seen: /table was changed/ },
  { name: 'the policy of the forward chain is turned to accept', command: async () => ['nft', 'chain', 'inet', 'bulkhead', 'forward', '{ policy accept; }'], seen: /table was changed/ },
  { name: 'the routing rules are flushed', command: async () => ['sh', '-c', 'ip rule del priority 102; ip -6 rule del priority 102'], seen: /routing rules/ },
  { name: 'another interface is given the server\'s group', command: async (i) => ['ip', 'link', 'set', 'dev', await interfaceOf(i, 'lab/client'), 'group', '0'], seen: /group of bhw/ },
  { name: 'a redirect-friendly setting is turned on', command: async () => ['sysctl', '-w', 'net.ipv4.conf.all.accept_source_route=1'], seen: /kernel settings/ },
  { name: 'a stranger\'s interface appears', command: async () => ['sh', '-c', 'ip link add stranger type veth peer name stranger2; ip link set stranger up'], seen: /stranger/ },
]

async function interfaceOf(i: TestInstance, workload: string): Promise<string> {
  return (await i.status()).workloads.find((w) => w.workload === workload)?.interface ?? ''
}
