import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { run } from '../../src/base/process.ts'
import { dial, echo, lab, policy } from './lib/instance.ts'

const program = fileURLToPath(new URL('../../bin/bulkhead', import.meta.url))

const external = 'apiVersion: bulkhead.dev/v1\nkind: External\nmetadata: { name: world }\nspec: { cidrs: [203.0.113.0/24] }'
const egress = 'apiVersion: bulkhead.dev/v1\nkind: EgressPolicy\nmetadata: { name: out, enclave: lab }\nspec: { source: client, destination: external:world, protocol: tcp, port: 7000 }'
const ingress = 'apiVersion: bulkhead.dev/v1\nkind: IngressPolicy\nmetadata: { name: in, enclave: lab }\nspec: { source: external:world, destination: server, protocol: tcp, port: 7000, authentication: none, publish: { address: 198.51.100.7, port: 80 } }'
const set = lab({ client: {}, server: { script: echo(7000), ports: '[7000]' } }, policy('client', 'server', 7000), external, egress, ingress)

const quoted = (words: readonly string[]): string => words.map((w) => `'${w.replaceAll('\'', '\'\\\'\'')}'`).join(' ')

/** A machine with a firewall of its own that lets its administrator in, and an internet behind `wan`. */
const script = (documents: string): string => `
set -u
mount -t tmpfs tmpfs /run; mkdir /run/netns; ip link set lo up
ip netns add internet
ip link add wan type veth peer name eth0 netns internet
ip addr add 192.0.2.1/24 dev wan; ip link set wan up
ip -n internet link set lo up; ip -n internet addr add 192.0.2.2/24 dev eth0; ip -n internet link set eth0 up
ip -n internet addr add 203.0.113.5/32 dev lo; ip -n internet addr add 203.0.114.5/32 dev lo
ip -n internet route add 198.51.100.7/32 via 192.0.2.1; ip -n internet route add 10.128.0.0/16 via 192.0.2.1
ip route add default via 192.0.2.2
sysctl -qw net.ipv4.ip_forward=1
nft add table inet firewall; nft add chain inet firewall input '{ type filter hook input priority filter; policy drop; }'; nft add rule inet firewall input tcp dport 22 accept
ip netns exec internet node -e ${quoted([echo(7000)])} & server=$!
node -e ${quoted([echo(22)])} & ssh=$!
snapshot() { nft list ruleset; ip -o link | sed 's/@.*//; s/mtu.*//'; ip addr show wan | grep inet; ip route; ip rule; ls /run/netns /run; cat /proc/sys/net/ipv4/ip_forward; }
say() { printf '%s: ' "$1"; shift; "$@" | tr '\\n' ' '; echo; }
sleep 0.5
sleep 2; snapshot > $OUT/before
${program} up ${documents} > $OUT/up 2>&1; echo "up: $?"; cat $OUT/up
echo "tried: $( (ip -o -6 address show tentative; ip -n bh-default-router -o -6 address show tentative) | grep -c bhu)"
sleep 1
say admin ip netns exec internet ${quoted(dial('192.0.2.1', 22))}
say internal ${program} exec client -- ${quoted(dial('server', 7000))}
say egress ${program} exec client -- ${quoted(dial('203.0.113.5', 7000))}
say elsewhere ${program} exec client -- ${quoted(dial('203.0.114.5', 7000))}
say machine ${program} exec client -- ${quoted(dial('192.0.2.1', 22))}
say published ip netns exec internet ${quoted([...dial('198.51.100.7', 80)].map((w) => w.replace('port:80', 'port:80,localAddress:"203.0.113.5"')))}
say screened ip netns exec internet ${quoted(dial('198.51.100.7', 80))}
private=$(${program} status --json | node -e 'let t="";process.stdin.on("data",d=>t+=d).on("end",()=>console.log(JSON.parse(t).agent.workloads.find(w=>w.workload==="lab/server").ipv4))')
say private ip netns exec internet ${quoted(['sh', '-c', `node -e "$0" "$1"`])} ${quoted(['const s=require("net").connect(7000,process.argv[1]);s.setTimeout(1500,()=>{console.log("timeout");process.exit()});s.on("connect",()=>{console.log("open");process.exit()});s.on("error",e=>{console.log(e.code);process.exit()})'])} "$private"
say host node -e 'const s=require("net").connect(7000,process.argv[1]);s.setTimeout(1500,()=>{console.log("timeout");process.exit()});s.on("connect",()=>{console.log("open");process.exit()});s.on("error",e=>{console.log(e.code);process.exit()})' "$private"
say user sh -c 'for p in $(ip netns pids bh-default-lab.client.0); do stat -c %u /proc/$p; done | sort -n | head -n 1'
say inside ${program} exec client -- id -u
say verify ${program} verify
${program} down; echo "down: $?"
kill $server $ssh
snapshot > $OUT/after
diff $OUT/before $OUT/after && echo no trace
`

test('on a machine, as root: workloads are confined and unprivileged, the machine is untouched, and nothing is left', { skip: process.getuid?.() !== 0 ? 'needs root: user ids of their own can be given by root alone' : false }, async () => {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-machine-'))
  try {
    writeFileSync(join(root, 'set.yaml'), set)
    const argv = ['unshare', '--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', script(join(root, 'set.yaml'))]
    const { stdout, stderr } = await run(argv, { env: { ...process.env, BULKHEAD_STATE: join(root, 'state'), OUT: root }, timeoutMs: 90_000 })
    const line = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stdout)?.[1]?.trim() ?? `nothing: ${stdout}${stderr}`
    assert.equal(line('up'), '0', stdout)
    assert.equal(line('tried'), '0', 'no address of the way out waits to be tried')
    assert.equal(line('admin'), 'open', 'the administrator still gets in')
    assert.equal(line('internal'), 'open')
    assert.equal(line('egress'), 'open')
    assert.equal(line('elsewhere'), 'ECONNREFUSED')
    assert.equal(line('machine'), 'ECONNREFUSED', 'a workload does not reach the machine itself')
    assert.equal(line('published'), 'open')
    assert.notEqual(line('screened'), 'open', 'a source outside the External is screened')
    assert.notEqual(line('private'), 'open', 'the private address answers nobody outside')
    assert.notEqual(line('host'), 'open', 'what the machine itself sends is denied too')
    assert.ok(Number(line('user')) >= 1_900_000_000, `the least user id of its processes: ${line('user')}`)
    assert.equal(line('inside'), '1000')
    assert.match(line('verify'), / 0 mismatches$/)
    assert.equal(line('down'), '0')
    assert.match(stdout, /^no trace$/m)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})
