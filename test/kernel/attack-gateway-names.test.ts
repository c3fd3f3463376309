/** One workload asks for names without end through the gateway that it shares with others, who want theirs. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { findEnvoy } from '../../src/engines/envoy/binary.ts'
import { helloMessage, records, serverName } from './lib/client-hello.ts'
import { document, eventually, instanceOfFile, lab, said, upWhole } from './lib/instance.ts'
import { outsideWorld } from './lib/outside-world.ts'

const skip = findEnvoy() === undefined ? 'no envoy' : false
const wanted = Array.from({ length: 12 }, (_, n) => `n${n}.files.example.net`)
const names = { 'known.wild.example': ['203.0.113.30'], ...Object.fromEntries(wanted.map((name, n) => [name, [`203.0.113.${10 + n}`]])) }

const i = instanceOfFile()

before(async () => {
  if (skip !== false) return
  const world = await outsideWorld(join(i.directory, '..'), names)
  await upWhole(i, lab(
    { greedy: {}, bystander: {} },
    document('Platform', 'here', `{ trustDomain: here.example, resolver: { upstream: [${world.nameServer}] } }`),
    document('External', 'wild', '{ domains: ["*.wild.example"] }'), document('External', 'files', `{ domains: [${wanted.join(', ')}] }`),
    document('EgressPolicy', 'wild', '{ source: greedy, destination: external:wild, protocol: tcp, port: 443 }'),
    document('EgressPolicy', 'files', '{ source: bystander, destination: external:files, protocol: tcp, port: 443 }'),
  ), '--outside', world.command)
})

const curl = async (workload: string, ...words: readonly string[]): Promise<string> => {
  const { code, stdout } = await i.exec(workload, 'curl', '--silent', '--insecure', ...words)
  return code === 0 ? stdout.trim() : 'closed'
}

test('names that nobody asked for before, in thousands of handshakes, keep nobody else from a name of theirs', { skip }, async () => {
  await eventually(async () => assert.match(await curl('greedy', '--max-time', '6', 'https://known.wild.example/'), /^GET/), 120_000)
  const hello = records(helloMessage(serverName('x00000000.wild.example'))).toString('base64')
  // Every 50 ms another 25, for as long as it takes.
  const script = `const hello=Buffer.from('${hello}','base64'),at=hello.indexOf('x00000000');let n=0,told=false;setInterval(()=>{for(let k=0;k<25;k++){const b=Buffer.from(hello);b.write('x'+String(n++).padStart(8,'0'),at);const s=require('net').connect(443,'203.0.113.30',()=>s.write(b));s.setTimeout(3000,()=>s.destroy());s.on('error',()=>0)}if(n>3000&&!told){told=true;console.log('flooding')}},50)`
  const flood = i.spawn('greedy', 'node', '-e', script)
  await said(flood, /flooding/, 120_000)
  const told = []
  for (const name of wanted) told.push(await curl('bystander', '--max-time', '30', `https://${name}/`))
  assert.equal(flood.exitCode, null, 'it goes on')
  flood.kill('SIGKILL')
  assert.deepEqual(told, wanted.map((name, n) => `GET ${name}/ as ${name} at ::ffff:203.0.113.${10 + n}`))
})
