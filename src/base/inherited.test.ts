import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { run, start } from './process.ts'

const folder = mkdtempSync(join(tmpdir(), 'bulkhead-inherited-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const module = JSON.stringify(import.meta.resolve('./inherited.ts'))

test('a file that the caller left open is closed, and the standard three are not', async () => {
  const file = join(folder, 'secret')
  writeFileSync(file, 'secret')
  const fd = openSync(file, 'r')
  const script = `const{closeInherited:c}=await import(${module});const fs=await import('node:fs');const open=()=>fs.readdirSync('/proc/self/fd').filter(n=>{try{return fs.readlinkSync('/proc/self/fd/'+n)===${JSON.stringify(file)}}catch{return false}}).length;const before=open();c();console.log(before,open())`
  // What follows the first without a gap Node itself keeps from whoever it starts.
  const between = Array.from({ length: 40 }, () => 'ignore' as const)
  const child = start([process.execPath, '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit', ...between, fd, fd] })
  closeSync(fd)
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')))
  await new Promise((resolve) => child.on('close', resolve))
  assert.equal(said, '2 0\n')
})

test('certificates that Node reads meanwhile, in a thread of its own, are left to it', async () => {
  const file = join(folder, 'many.pem')
  writeFileSync(file, Array.from({ length: 20 }, () => rootCertificates.join('\n')).join('\n'))
  const script = `const{closeInherited:c}=await import(${module});await import('node:tls');for(const end=Date.now()+300;Date.now()<end;)c();console.log('whole')`
  for (let turn = 0; turn < 5; turn++) {
    const { stdout, stderr } = await run([process.execPath, '--input-type=module', '-e', script], { env: { ...process.env, NODE_EXTRA_CA_CERTS: file } })
    assert.deepEqual([stdout, stderr.replace(/^\(node.*\n|^Use `node.*\n/gm, '')], ['whole\n', ''])
  }
})
