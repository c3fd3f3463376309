// The only way to packages: fetches what it does not have from outside, once, and serves it to the workspaces.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { call, serve } from './http.mjs'

const upstream = process.env.UPSTREAM ?? 'http://203.0.113.10'
const cache = process.env.CACHE ?? '/data/packages'
await mkdir(cache, { recursive: true })

serve(8080, {
  'GET *': async (url) => {
    const name = /^\/simple\/([a-z0-9][a-z0-9-]{0,63})$/.exec(url.pathname)?.[1]
    if (name === undefined) throw new Error('ask for /simple/NAME')
    const file = `${cache}/${name}.json`
    const kept = await readFile(file, 'utf8').catch(() => undefined)
    if (kept !== undefined) return { package: name, ...JSON.parse(kept), from: 'cache' }
    const { askedAt } = await call(`${upstream}/simple/${name}`)
    await writeFile(file, JSON.stringify({ upstream: askedAt }))
    return { package: name, upstream: askedAt, from: 'upstream' }
  },
})
