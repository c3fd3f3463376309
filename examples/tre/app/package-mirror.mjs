// The only way to packages: fetches what it does not have from outside, by TLS and once, and serves it to the workspaces. It is
// software that phones home, to renew its licence; somebody has accepted that, see externals.yaml.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { call, serve } from './http.mjs'

const upstream = process.env.UPSTREAM ?? 'https://pypi.org'
const licence = process.env.LICENCE ?? 'https://licence.vendor.example/renew'
const cache = process.env.CACHE ?? '/data/packages'
await mkdir(cache, { recursive: true })

serve(8080, {
  'GET *': async (url) => {
    const name = /^\/simple\/([a-z0-9][a-z0-9-]{0,63})$/.exec(url.pathname)?.[1]
    if (name === undefined) throw new Error('ask for /simple/NAME')
    const file = `${cache}/${name}.json`
    const kept = await readFile(file, 'utf8').catch(() => undefined)
    if (kept !== undefined) return { package: name, ...JSON.parse(kept), from: 'cache' }
    const { askedFor } = await call(`${upstream}/simple/${name}`)
    await writeFile(file, JSON.stringify({ upstream: askedFor }))
    return { package: name, upstream: askedFor, from: 'upstream' }
  },
  'GET /licence': async () => ({ renewedBy: (await call(licence)).askedFor }),
})
