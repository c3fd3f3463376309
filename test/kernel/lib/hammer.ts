/** Workloads that try closed paths without pause and note what they find, so that no moment goes unseen. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestInstance } from './instance.ts'

export interface Hit {
  readonly address: string
  readonly port: number
  /** Milliseconds since the epoch. */
  readonly at: number
}

/**
 * A script that knocks at the first addresses of the platform on these ports for as long as it lives, without eating the machine. Whatever answers is
 * noted once in 10 ms; how often it has knocked, every 100 ms.
 */
export function hammer(ports: readonly number[], addresses = 4): string {
  const hosts = Array.from({ length: addresses }, (_, i) => [`10.128.0.${17 + i}`, `fdbb:1::${(17 + i).toString(16)}`]).flat()
  return `const net=require('net');let n=0;const last={};
const knock=(host,port)=>{const s=net.connect({host,port});s.setTimeout(250,()=>s.destroy());s.on('error',()=>{});
s.on('connect',()=>{const k=host+' '+port,t=Date.now();if(!(t-last[k]<10)){last[k]=t;console.log('open '+k+' '+t)}s.destroy()});
s.on('close',()=>{n++;setTimeout(knock,4,host,port)})};
for(const port of ${JSON.stringify(ports)})for(const host of ${JSON.stringify(hosts)})knock(host,port);
setInterval(()=>console.log('knocks '+n+' '+Date.now()),100)`
}

/** Everything that a workload has said, also what was put aside when its log grew. */
function heard(i: TestInstance, name: string): string {
  const folder = join(i.state, 'default', 'log')
  return readdirSync(folder).filter((file) => file.startsWith(`${name}.log`)).sort().reverse().map((file) => readFileSync(join(folder, file), 'utf8')).join('')
}

export function hits(i: TestInstance, name: string): readonly Hit[] {
  return Array.from(heard(i, name).matchAll(/^open (\S+) (\d+) (\d+)$/gm), ([, address = '', port, at]) => ({ address, port: Number(port), at: Number(at) }))
}

export function knocks(i: TestInstance, name: string): number {
  const counts = Array.from(heard(i, name).matchAll(/^knocks (\d+) \d+$/gm), ([, n]) => Number(n))
  // A process that was started anew counts from the beginning.
  return counts.reduce((sum, n, at) => sum + (n >= (counts[at - 1] ?? 0) ? n - (counts[at - 1] ?? 0) : n), 0)
}
