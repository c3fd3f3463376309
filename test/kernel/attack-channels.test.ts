import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { start } from '../../src/base/process.ts'
import { eventually, idle, lab as labOf, openInstance, policy, said } from './lib/instance.ts'
import type { TestInstance } from './lib/instance.ts'

const program = fileURLToPath(new URL('../../bin/bulkhead', import.meta.url))

/** Talks over every kind of local channel that does not need a network, and hides behind a mount of its own. */
const listener = `require('net').createServer(s=>s.end('leak')).listen({path:'\\0bulkhead-leak'}).on('error',e=>console.log(e.code));
require('net').createServer(s=>s.end('leak')).listen('/tmp/leak.sock');require('fs').writeFileSync('/dev/shm/leak','leak');require('fs').writeFileSync('/tmp/leak','leak');require('fs').writeFileSync('/data/leak','leak');
console.log('secret \\u001b]0;title\\u0007 \\u009b31m \\u202e end');setInterval(()=>{},1e9)`
/** Its own process covers a program that \`exec\` uses with another. */
const coverer = 'mkdir -p /data/bin; printf "#!/bin/sh\\necho covered; id; cat /proc/self/environ\\n" > /data/bin/fake; chmod 755 /data/bin/fake; exec unshare -Urm sh -c "mount --bind /data/bin/fake /usr/bin/env; mount --bind /data/bin/fake /usr/bin/setpriv; echo covered; exec sleep 1000000"'

const set = labOf(
  { evil: { extra: '  privileged: true\n' }, plain: {}, keeper: { script: listener }, coverer: { script: `require('child_process').spawn('sh',['-c',${JSON.stringify(coverer)}],{stdio:'inherit'}).on('exit',()=>process.exit(1))` }, victim: { script: idle } },
  policy('plain', 'victim', 7000),
)

let instance: TestInstance
let close: () => Promise<void>
let inherited: string

/** With a file of the operator's left open, as a shell may. */
before(async () => {
  ;({ instance, close } = openInstance())
  inherited = join(mkdtempSync(join(tmpdir(), 'bulkhead-secret-')), 'secret')
  writeFileSync(inherited, 'secret of the operator')
  instance.write(set)
  const fd = openSync(inherited, 'r')
  const stdio = ['ignore', 'pipe', 'pipe', ...Array.from({ length: 20 }, () => 'ignore' as const), fd] as const
  const child = start([program, 'up', instance.directory, '--sandbox'], { stdio: [...stdio], env: { ...process.env, BULKHEAD_STATE: instance.state, SECRET: 'of the operator' } })
  closeSync(fd)
  const code = await new Promise((resolve) => child.on('exit', resolve))
  assert.equal(code, 0)
  await eventually(async () => assert.match((await instance.bulkhead('logs', 'coverer')).stdout, /covered/))
})
after(async () => {
  await close()
  rmSync(join(inherited, '..'), { recursive: true, force: true })
})

const attackers = ['evil', 'plain'] as const
const inside = async (workload: string, script: string): Promise<string> => {
  const { stdout, stderr } = await instance.exec(workload, 'sh', '-c', script)
  return stdout + stderr
}
const perl = (code: string): string => `perl -e '${code}'`

test('no file of one workload is seen by another, nor the machine\'s', async () => {
  for (const w of attackers) {
    const seen = await inside(w, `cat /tmp/leak /dev/shm/leak /data/leak /data/../data/leak /proc/1/root/tmp/leak; ls -a /data /tmp /dev/shm /run /var/tmp; cat ${instance.state}/default/applied.json; cat /etc/shadow; ls /root /home /sys; ls /proc/1/root/ /proc/1/cwd/`)
    assert.doesNotMatch(seen, /leak\n|^leak$|trustDomain|root:[*$!]/m, w)
    const links = await inside(w, `ln -sfn ${instance.state}/default /data/state; ln -sfn / /data/root; ln -sfn /proc/1/root /data/up; cat /data/state/agent.sock /data/root/etc/shadow /data/up/../../etc/shadow 2>&1; ls /data/state/`)
    assert.match(links, /No such file/)
    assert.doesNotMatch(links, /applied\.json/)
  }
  // Where the agent writes, a link of the workload's leads nowhere.
  await inside('evil', 'rm -f /data/hosts; ln -s /etc/hosts /data/hosts; rm -rf /data/x; mkdir /data/x; ln -s ../../../../../../etc/passwd /data/x/passwd')
  const before = readFileSync('/etc/passwd', 'utf8')
  await instance.apply(set)
  assert.equal(readFileSync('/etc/passwd', 'utf8'), before)
})

test('sockets, shared memory, semaphores and message queues end at a workload\'s edge', async () => {
  for (const w of attackers) {
    const connect = (path: string): string => `node -e "require('net').connect({path:'${path}'}).on('data',d=>console.log(String(d))).on('error',e=>console.log(e.code))"`
    assert.doesNotMatch(await inside(w, `${connect('\\\\0bulkhead-leak')}; ${connect('/tmp/leak.sock')}; cat /proc/net/unix`), /leak$|agent\.sock|bulkhead-leak/m, w)
    assert.equal((await inside(w, 'wc -l < /proc/sysvipc/shm; wc -l < /proc/sysvipc/msg; wc -l < /proc/sysvipc/sem')).trim(), '1\n1\n1', 'a header and nothing else')
  }
})

test('processes of others cannot be seen, signalled or traced, the agent\'s least of all', async () => {
  for (const w of attackers) {
    const seen = await inside(w, 'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; tr "\\0" "\\n" < $p/environ; done 2>/dev/null')
    assert.doesNotMatch(seen, /agent-main|ulogd|createServer|of the operator/, w)
    const pids = await inside(w, 'ls /proc | grep -c "^[0-9]"')
    assert.ok(Number(pids) < 12, pids)
    // Every number that a process of the machine could have, but its own namespace's.
    const signalled = await inside(w, perl('my $n = 0; for my $p ($$ + 100 .. 70000) { $n++ if kill 0, $p } print "reached $n\n"; print "attach ", syscall(101, 16, 5000, 0, 0), "\n"'))
    assert.match(signalled, /reached 0\n/, w)
  }
  const { pid } = await instance.status()
  assert.ok(pid > 0)
})

test('system calls that know no namespaces are refused: keyrings, VSOCK, io_uring, bpf, perf', { skip: process.arch !== 'x64' ? 'the numbers are those of x86-64' : false }, async () => {
  const calls = perl('for my $c ([248, "user", "leak", "payload", 7, -4], [249, "user", "leak", 0, -4], [250, 0, -3, 1], [41, 40, 1, 0], [41, 38, 5, 0], [41, 31, 5, 1], [53, 40, 1, 0], [425, 1, 0], [321, 0, 0, 0], [298, 0, 0, -1, -1, 0]) { my @c = @$c; print syscall(shift @c, @c) < 0 ? "no " : "YES " } print "\n"')
  for (const w of [...attackers, 'keeper']) {
    assert.equal(await inside(w, calls), `${'no '.repeat(10)}\n`, w)
    assert.match(await inside(w, 'grep Seccomp: /proc/1/status /proc/2/status /proc/self/status'), /(Seccomp:\s+2\s+.*){3}/s, 'the workload, its first process and whoever joins it')
  }
})

test('what the kernel counts by user is not used up by one workload, nor by namespaces of its own', async () => {
  const inotify = process.arch === 'arm64' ? 26 : 294
  const take = `my $n = 0; $n++ while $n < 2000 && syscall(${inotify}, 0) >= 0; $| = 1; print "took $n\\n"; sleep 1000`
  const before = (await instance.router('perl', '-e', `print syscall(${inotify}, 0) >= 0 ? "left" : "none"`)).stdout
  assert.equal(before, 'left')
  for (const w of attackers) {
    const takers = [instance.spawn(w, 'perl', '-e', take), instance.spawn(w, 'unshare', '--user', 'perl', '-e', take)]
    try {
      let taken = 0
      for (const taker of takers) taken += Number(/took (\d+)/.exec(await said(taker, /took \d+\n/, 60_000))?.[1])
      assert.ok(taken <= 16, `${w} took ${taken}`)
      assert.equal((await instance.router('perl', '-e', `print syscall(${inotify}, 0) >= 0 ? "left" : "none"`)).stdout, 'left', 'others have some')
    } finally {
      for (const taker of takers) taker.kill('SIGKILL')
    }
    assert.match(await inside(w, 'unshare --user --net true && echo made'), /made/, 'it may make some')
  }
})

test('settings of the machine cannot be written, though a sandbox of root\'s gives workloads root\'s number', async () => {
  const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8')
  for (const w of attackers) {
    const files = ['sys/kernel/core_pattern', 'sys/net/ipv4/ip_forward', 'sys/vm/drop_caches', 'sysrq-trigger', 'mtrr', 'pressure/cpu']
    const tried = await inside(w, files.map((f) => `(echo > /proc/${f}) 2>/dev/null && echo WROTE ${f}`).join('; '))
    assert.doesNotMatch(tried, /WROTE/, w)
    assert.doesNotMatch(await inside(w, 'mount -t tmpfs x /proc/sys; mount -o remount,rw /usr; mount -t proc p /tmp; unshare -Um mount -t proc p /tmp; umount /proc/sys; mount -t sysfs s /tmp; ls /tmp/kernel && echo MOUNTED; touch /usr/x /opt/bulkhead/bin/node && echo WROTE'), /MOUNTED|WROTE/, w)
  }
  assert.equal(readFileSync('/proc/sys/kernel/core_pattern', 'utf8'), before)
})

test('nothing that the operator had open or set reaches a workload', async () => {
  for (const w of ['keeper', 'victim']) {
    const seen = await inside(w, 'for p in /proc/[0-9]*; do ls -l $p/fd; tr "\\0" "\\n" < $p/environ; done 2>/dev/null')
    assert.doesNotMatch(seen, /bulkhead-secret|of the operator|\.sock\b/, w)
  }
  const fd = openSync(inherited, 'r')
  const stdio = ['ignore', 'pipe', 'pipe', ...Array.from({ length: 20 }, () => 'ignore' as const), fd] as const
  const child = start([program, 'exec', 'plain', '--', 'sh', '-c', 'ls -l /proc/self/fd; tr "\\0" "\\n" < /proc/self/environ; env; for p in /proc/[0-9]*; do ls -l $p/fd; done'], { stdio: [...stdio], env: { ...process.env, BULKHEAD_STATE: instance.state, SECRET: 'of the operator' } })
  closeSync(fd)
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => void (text += chunk.toString('utf8')))
  await new Promise((resolve) => child.on('close', resolve))
  assert.match(text, /BULKHEAD_WORKLOAD=lab\/plain/)
  assert.doesNotMatch(text, /bulkhead-secret|of the operator/)
})

test('`exec` runs the machine\'s programs, though the workload has covered them for itself', async () => {
  const { stdout } = await instance.exec('coverer', 'sh', '-c', 'echo joined; id -u; command -v env; head -c 4 /usr/bin/env | tail -c 3')
  assert.equal(stdout, 'joined\n1000\n/usr/bin/env\nELF')
})

test('`exec` from a terminal gives a terminal of its own: what is typed into it stays in it', async () => {
  const root = mkdtempSync(join(tmpdir(), 'bulkhead-terminal-'))
  let child: ReturnType<typeof start> | undefined
  try {
    const out = join(root, 'injected')
    // TIOCSTI types for whoever holds the terminal; /dev/tty is the terminal of the session.
    const inject = `for my $f ("/dev/stdin", "/dev/tty") { open(my $t, "+<", $f) or next; ioctl($t, 0x5412, $_) for split //, "touch ${out}\\n" } print -t STDIN ? "terminal\\n" : "none\\n"; exit 5`
    const quoted = (words: readonly string[]): string => words.map((word) => `'${word.replaceAll('\'', '\'\\\'\'')}'`).join(' ')
    const shell = `${quoted([program, 'exec', 'plain', '--', 'perl', '-e', inject])}; echo "status $?"; ${quoted([program, 'exec', 'plain', '--', 'sh', '-c', '(sleep 2; head -c 5 > /data/typed) & echo left'])} | cat; read -r line; echo "read $line"; sleep 1; exit`
    child = start(['script', '--quiet', '--return', '--command', `sh -c ${quoted([shell])}; cat`, '/dev/null'], { stdio: 'pipe', env: { ...process.env, SHELL: '/bin/sh', BULKHEAD_STATE: instance.state } })
    const heard = said(child, /read .*typed by the operator/)
    await said(child, /left/)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    child.stdin?.write('typed by the operator\n')
    const text = await heard
    assert.match(text, /terminal\r?\n/, 'the command has a terminal')
    assert.match(text, /status 5/)
    assert.throws(() => readFileSync(out), 'what it typed was not run')
    assert.doesNotMatch(await inside('plain', 'cat /data/typed'), /typed/, 'what stays behind reads nothing of the terminal')
  } finally {
    child?.kill('SIGKILL')
    rmSync(root, { recursive: true, force: true })
  }
})

test('names, labels, log lines and answers that carry terminal escapes drive no terminal', async () => {
  const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
  await eventually(async () => assert.match((await instance.bulkhead('logs', 'keeper')).stdout, /secret/))
  const hostile = 'x\\u001b]0;t\\u0007\\u009b2J\\u202e'
  const bad = (field: string): string => `${set}\n---\napiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: { name: ok, enclave: lab${field.startsWith('m:') ? `, ${field.slice(2)}` : ''} }\nspec: { ${field.startsWith('m:') ? '' : field} }`
  const sets = [bad(`m:labels: { "a": "${hostile}" }`), bad(`m:annotations: { "a": "${hostile}" }`), bad(`"${hostile}": 1`), bad(`groups: ["${hostile}"]`), bad(`run: { command: ["${hostile}"], mounts: [{ from: "/${hostile}", to: "/x" }] }`), bad(`attach: { netns: "${hostile}" }`)]
  const texts = [(await instance.bulkhead('logs', 'keeper')).stdout, (await instance.bulkhead('logs', 'keeper', '--json')).stdout]
  for (const text of sets) {
    instance.write(text)
    for (const argv of [['check', instance.directory], ['check', instance.directory, '--json'], ['apply', instance.directory], ['matrix', instance.directory]]) {
      const { stdout, stderr } = await instance.bulkhead(...argv)
      texts.push(stdout + stderr)
    }
  }
  await instance.apply(set)
  for (const argv of [['status'], ['status', '--json'], ['exec', 'x\u001b[31m', '--', 'true'], ['logs', '\u009b31m'], ['\u001b[2J']]) {
    const { stdout, stderr } = await instance.bulkhead(...argv)
    texts.push(stdout + stderr)
  }
  texts.push(readFileSync(join(instance.state, 'default', 'log', 'agent.log'), 'utf8'))
  for (const text of texts) assert.doesNotMatch(text, controls, JSON.stringify(controls.exec(text)))
})

test('interfaces, namespaces, routes and addresses that a privileged workload adds lead nowhere', async () => {
  const places = (await instance.status()).workloads
  const address = (name: string): string => places.find((w) => w.workload === `lab/${name}`)?.ipv4 ?? ''
  const router = async (): Promise<string> => (await instance.router('sh', '-c', 'ip -o link | sed "s/state [A-Z]* //"; ip rule; ip -6 rule; ip route show table all; ip -6 route show table 100; ip netns list; ip addr show up')).stdout.replace(/(valid_lft|expires|preferred_lft|mtime) \S+/g, '')
  const before = await router()
  const tried = await inside('evil', [
    `ip addr add ${address('victim')}/32 dev eth0`, 'ip addr add 169.254.1.1/32 dev eth0', 'ip addr add fe80::1/64 dev eth0 nodad', 'ip link add br0 type bridge', 'ip link set eth0 master br0',
    'ip link add mv0 link eth0 type macvlan mode passthru', 'ip link add iv0 link eth0 type ipvlan', 'ip link add vl0 link eth0 type vlan id 5', `ip tunnel add t0 mode ipip remote ${address('victim')} local ${address('evil')}`,
    `ip link add vx0 type vxlan id 1 remote ${address('victim')} dstport 4789 dev eth0`, 'ip link add w0 type veth peer name w1', 'ip link add w2 type veth peer name w3 netns 1', 'ip link add q0 link eth0 link-netnsid 0 type macvlan',
    'ip link add q1 link-netnsid 0 type veth peer name q2', 'ip link set lo netns 1', `ip route replace ${address('victim')} dev eth0`, `ip neigh replace ${address('victim')} lladdr 02:b1:00:00:00:03 dev eth0`,
    'ip link set eth0 group 1', 'ip link set eth0 mtu 9000', 'ip link set eth0 alias x', 'ip rule add from all lookup 77', 'unshare -Un sh -c "ip link add y0 type veth peer name y1 netns 1"', 'ip link set eth0 promisc on',
    'for n in 0 1 2 3 4 5; do ip -n $n link; ip netns attach x $n; done', 'echo tried',
  ].join('; '))
  assert.match(tried, /tried/)
  const reach = (from: string): string => `node -e "const s=require('net').connect({host:'${address('victim')}',port:7000${from}});s.setTimeout(1200,()=>{console.log('timeout');process.exit()});s.on('connect',()=>{console.log('open');process.exit()}).on('error',e=>{console.log(e.code);process.exit()})"`
  assert.doesNotMatch(await inside('evil', `${reach('')}; ip addr del ${address('victim')}/32 dev eth0; ${reach('')}; ${reach(`,localAddress:'169.254.1.1'`)}`), /open/)
  const after = await router()
  assert.equal(after.replace(/eth0[^\n]*/g, ''), before.replace(/eth0[^\n]*/g, ''), 'nothing of the router has changed')
  const evidence = await instance.verify()
  assert.equal(evidence.good, true, JSON.stringify({ ...evidence, matrix: undefined }).slice(0, 800))
})

test('a workload that removes or shakes its own interface harms nobody else, and is started again', async () => {
  const shake = instance.spawn('evil', 'sh', '-c', 'while :; do for k in 1 2 3 4 5 6 7 8 9 10; do echo link set eth0 down; echo link set eth0 up; done | ip -batch -; done')
  for (let i = 0; i < 3; i++) assert.equal((await instance.apply(set)).applied, true)
  shake.kill('SIGTERM')
  const restarts = async (): Promise<number> => (await instance.status()).workloads.find((w) => w.workload === 'lab/evil')?.task?.restarts ?? 0
  const count = await restarts()
  await inside('evil', 'ip link del eth0')
  await eventually(async () => {
    assert.ok((await restarts()) > count)
    assert.match(await inside('evil', 'ip -br link show eth0'), /eth0/)
  })
  const status = await instance.status()
  assert.equal(status.enforced, true)
  assert.equal(status.workloads.find((w) => w.workload === 'lab/victim')?.task?.restarts, 0, 'others go on')
})
