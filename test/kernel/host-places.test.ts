/** Places: what a workload is given, sees and can do, and namespaces and interfaces of others. One instance serves all tests. */
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { dial, echo, eventually, idle, instanceOfFile, lab, policy, said } from './lib/instance.ts'

const attached = (name: string, attach: string): string => `apiVersion: bulkhead.dev/v1\nkind: Workload\nmetadata: { name: ${name}, enclave: lab }\nspec:\n  ports: [7000]\n  attach: ${attach}`

const i = instanceOfFile()

before(async () => {
  const report = await i.up(lab({ server: { script: echo(7000), ports: '[7000]' } }))
  assert.deepEqual([report.applied, report.failed], [true, []])
})

/** What a test needs takes the place of what the one before it needed. */
async function put(text: string): Promise<void> {
  const { applied, failed } = await i.apply(text)
  assert.deepEqual([applied, failed], [true, []])
}

test('IPv6 passes at once after `up`: no link waits for its addresses to be tried', async () => {
  const names = (await i.router('ip', 'netns', 'list')).stdout.split('\n').map((line) => line.split(' ')[0] ?? '').filter((name) => name !== '')
  assert.ok(names.includes('outside'), names.join())
  for (const where of [[], ...names.map((name) => ['-n', name])]) {
    // A neighbour is asked for from a link-local address, and not before that one has been tried.
    const { stdout } = await i.router('ip', ...where, '-json', '-6', 'address', 'show', 'tentative')
    const tried = (JSON.parse(stdout) as { ifname?: string, addr_info?: unknown[] }[]).filter((link) => (link.addr_info ?? []).length > 0)
    assert.deepEqual(tried.map((link) => link.ifname), [], `in ${where.at(-1) ?? 'the router'}`)
  }
})

test('an existing namespace is attached, held to the policy, and left as it was', async () => {
  await put(lab({ server: { script: echo(7000, 7009), ports: '[7000]' } }))
  await i.router('ip', 'netns', 'add', 'container')
  const report = await i.apply(lab({ server: { script: echo(7000, 7009), ports: '[7000]' } }, attached('guest', '{ netns: container }'), policy('guest', 'server', 7000)))
  assert.deepEqual(report.failed, [])
  const server = (await i.status()).workloads.find((w) => w.workload === 'lab/server')
  const guest = async (address: string, port: number): Promise<string> => (await i.router('ip', 'netns', 'exec', 'container', ...dial(address, port))).stdout
  for (const address of [server?.ipv4 ?? '', server?.ipv6 ?? '']) {
    assert.equal(await guest(address, 7000), 'open\n')
    assert.equal(await guest(address, 7009), 'ECONNREFUSED\n')
  }
  const evidence = await i.verify()
  assert.equal(evidence.good, true, JSON.stringify([evidence.mismatches, evidence.deviations, evidence.reading]))
  await i.apply(lab({ server: { script: echo(7000, 7009), ports: '[7000]' } }))
  const links = await i.router('ip', '-n', 'container', '-o', 'link', 'show')
  assert.doesNotMatch(links.stdout, /eth0/)
})

test('a namespace with an interface of its own is refused, and detached when it gets one later', async () => {
  const set = lab({ server: { script: echo(7000) } }, attached('guest', '{ netns: other }'), policy('guest', 'server', 7000))
  await put(lab({ server: { script: echo(7000) } }))
  await i.router('ip', 'netns', 'add', 'other')
  const foreign = ['sh', '-c', 'ip link add way-round type veth peer name way-out netns other; ip -n other link set way-out up']
  await i.router(...foreign)
  const refused = await i.apply(set)
  assert.match(refused.failed[0]?.reason ?? '', /interface of its own: `way-out`/)
  await i.router('ip', 'link', 'del', 'way-round')
  const taken = await i.apply(set)
  assert.deepEqual(taken.failed, [])
  await i.router(...foreign)
  await eventually(async () => {
    const { drift, workloads } = await i.status()
    assert.match(drift.map((d) => d.what).join('; '), /foreign interface `way-out`/)
    assert.match(workloads.find((w) => w.workload === 'lab/guest')?.failed ?? '', /way-out/)
  })
  const links = await i.router('ip', '-n', 'other', '-o', 'link', 'show')
  assert.doesNotMatch(links.stdout, /eth0/, 'its way to the platform is gone')
  await i.router('ip', 'link', 'del', 'way-round')
})

test('a tap interface is attached as a workload', async () => {
  await put(lab({ server: { script: echo(7000) } }))
  const made = await i.router('ip', 'tuntap', 'add', 'dev', 'vm0', 'mode', 'tap')
  assert.equal(made.code, 0, made.stderr)
  const report = await i.apply(lab({ server: { script: echo(7000) } }, attached('machine', '{ interface: vm0 }'), policy('machine', 'server', 7000)))
  assert.deepEqual(report.failed, [])
  const { workloads } = await i.status()
  const machine = workloads.find((w) => w.workload === 'lab/machine')
  const link = await i.router('ip', '-json', '-details', 'link', 'show', 'dev', machine?.interface ?? '')
  assert.notEqual((JSON.parse(link.stdout) as { group: string }[])[0]?.group, 'default')
  assert.equal((await i.bulkhead('status')).code, 0)
  await i.apply(lab({ server: { script: echo(7000) } }))
  const back = await i.router('ip', '-json', 'link', 'show', 'dev', 'vm0')
  assert.equal((JSON.parse(back.stdout) as { group: string }[])[0]?.group, 'default', 'it is given back as it was')
})

test('an allowed path and closed ones are so from a workload\'s first instruction on', async () => {
  await put(lab({ server: { script: echo(7000, 7009), ports: '[7000]' } }))
  const server = (await i.status()).workloads.find((w) => w.workload === 'lab/server')
  const racer = `const n=require('net');const t=p=>new Promise(r=>{const s=n.connect(p,'${server?.ipv4 ?? ''}');s.on('connect',()=>r('open'));s.on('error',e=>r(e.code))});Promise.all([t(7000),t(7009)]).then(r=>{console.log('first',r.join());setInterval(()=>{},1e9)})`
  for (let round = 0; round < 3; round++) {
    const racers = Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`racer-${round}-${n}`, { script: racer }]))
    await i.apply(lab({ server: { script: echo(7000, 7009), ports: '[7000]' }, ...racers }, ...Object.keys(racers).map((r) => policy(r, 'server', 7000))))
    for (const name of Object.keys(racers)) {
      await eventually(async () => assert.match((await i.bulkhead('logs', name)).stdout, /first/), 15_000)
      assert.equal((await i.bulkhead('logs', name)).stdout, 'first open,ECONNREFUSED\n')
    }
  }
})

test('a workload can name what it may reach, and nothing else', async () => {
  await put(lab({ client: {}, server: { script: echo(7000) }, secret: {} }, policy('client', 'server', 7000)))
  const hosts = (await i.exec('client', 'cat', '/etc/hosts')).stdout
  assert.match(hosts, /^\d+\.\d+\.\d+\.\d+ server\.lab\.internal server$/m)
  assert.match(hosts, /^[0-9a-f:]+ server\.lab\.internal server$/m)
  assert.doesNotMatch(hosts, /secret/)
  await i.apply(lab({ client: {}, server: { script: echo(7000) }, secret: {} }))
  assert.doesNotMatch((await i.exec('client', 'cat', '/etc/hosts')).stdout, /server/, 'a running workload loses the name with the path')
})

test('a workload sees nothing of the agent, of other workloads, or of the machine\'s private files', async () => {
  await put(lab({ client: {}, server: { script: echo(7000) } }, policy('client', 'server', 7000)))
  const look = await i.exec('client', 'sh', '-c', `ls ${i.state} /root /home /var/lib 2>&1; cat /etc/shadow 2>&1; ls /run; ps -e 2>/dev/null; for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done`)
  assert.doesNotMatch(look.stdout, /agent|ulogd|server|applied\.json/)
  assert.match(look.stdout, /No such file/)
  const write = await i.exec('client', 'sh', '-c', 'touch /usr/x /etc/x /opt/bulkhead/bin/x; touch /data/ok && echo written; mount -t tmpfs x /tmp; kill -9 1; echo still')
  assert.match(write.stdout, /written\nstill/)
  assert.match(write.stderr, /Read-only file system/)
  const own = await i.exec('client', 'sh', '-c', 'grep -c . /proc/net/unix; echo')
  assert.equal(own.code, 0)
})

test('a workload that ends is started again, and its output is kept', async () => {
  await put(lab({ mortal: { script: `console.log('begin \\u001b[31m');setTimeout(()=>process.exit(7),300)` }, steady: { script: idle } }))
  await eventually(async () => {
    const task = (await i.status()).workloads.find((w) => w.workload === 'lab/mortal')?.task
    assert.ok((task?.restarts ?? 0) >= 2, JSON.stringify(task))
  }, 10_000)
  const logs = await i.bulkhead('logs', 'mortal')
  assert.match(logs.stdout, /begin \nbegin/, 'control characters do not reach the terminal')
  assert.equal(logs.stdout.includes('\u001b'), false)
})

test('`exec` joins a workload, gives its status, and knows no other names', async () => {
  await put(lab({ client: { extra: '  replicas: 2\n' }, server: { script: echo(7000) } }, policy('client', 'server', 7000)))
  assert.equal((await i.exec('lab/client', 'sh', '-c', 'exit 7')).code, 7)
  const second = await i.exec('client#1', 'sh', '-c', 'echo $BULKHEAD_WORKLOAD $BULKHEAD_REPLICA; id -u')
  assert.equal(second.stdout, 'lab/client 1\n1000\n')
  const wrong = await i.exec('cleint', 'true')
  assert.equal(wrong.code !== 0 && /did you mean `client`/.test(wrong.stderr), true, wrong.stderr)
  const child = i.spawn('client', 'sh', '-c', 'echo here; sleep 100')
  await said(child, /here/)
  child.kill('SIGTERM')
})
