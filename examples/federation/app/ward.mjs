// A ward's service: writes entries to its site's database, and to the other site's while its own does not answer. All the time it
// copies what it lacks from the other site.
//   GET /write?entry=TEXT  {"writtenAt": SITE}      GET /log  {"readAt": SITE, "entries": {SITE: NUMBER}}
//   GET /copying           what the last attempt to copy came to
import { createServer } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'

const site = process.env.SITE
const hosts = { [site]: 'postgres-db', [process.env.OTHER_SITE]: process.env.OTHER_HOST }
const [own, other] = Object.keys(hosts)
const reason = (error) => error.errors?.[0]?.code ?? error.code ?? error.message

/** One connection for each attempt: what worked before says nothing about now. */
async function at(where, use) {
  const client = new pg.Client({ host: hosts[where], database: 'postgres', user: 'postgres', connectionTimeoutMillis: 1000, query_timeout: 1000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await use(client)
  } finally {
    client.end().catch(() => undefined)
  }
}

let ownAnswers = false

/** Here, or while the database here does not answer, there. */
function anywhere(use) {
  const where = ownAnswers ? own : other
  return at(where, (client) => use(client, where))
}

const add = 'INSERT INTO log SELECT $1, coalesce(max(number), 0) + 1, $2 FROM log WHERE site = $1'
const routes = {
  '/write': (url) => anywhere(async (client, where) => {
    await client.query(add, [where, url.searchParams.get('entry') ?? ''])
    return { writtenAt: where }
  }),
  '/log': () => anywhere(async (client, where) => {
    const { rows } = await client.query('SELECT site, count(*)::int AS entries FROM log GROUP BY site ORDER BY site')
    return { readAt: where, entries: Object.fromEntries(rows.map((row) => [row.site, row.entries])) }
  }),
  '/copying': () => copying,
}

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://here')
  const answer = await Promise.resolve(routes[url.pathname]?.(url) ?? { error: 'nothing there' }).catch((error) => ({ error: reason(error) }))
  response.writeHead('error' in answer ? 502 : 200, { 'content-type': 'application/json' }).end(`${JSON.stringify(answer)}\n`)
}).listen(8080, '::')

const newest = () => at(own, (client) => client.query('SELECT coalesce(max(number), 0)::int AS have FROM log WHERE site = $1', [other]))
let copying = { state: 'not yet' }
for (;;) {
  try {
    const { rows: [{ have }] } = await newest().catch((error) => {
      ownAnswers = false
      throw error
    })
    ownAnswers = true
    const { rows } = await at(other, (client) => client.query('SELECT site, number, entry FROM log WHERE site = $1 AND number > $2 ORDER BY number LIMIT 1000', [other, have]))
    if (rows.length > 0) {
      const values = rows.map((_, i) => `($${i * 3 + 1}, $${i * 3 + 2}, $${i * 3 + 3})`).join(', ')
      await at(own, (client) => client.query(`INSERT INTO log VALUES ${values} ON CONFLICT DO NOTHING`, rows.flatMap((row) => [row.site, row.number, row.entry])))
    }
    copying = { state: 'up to date', entries: have + rows.length }
  } catch (error) {
    if (copying.state !== 'stopped') console.log(`copying from ${other} has stopped: ${reason(error)}`)
    copying = { state: 'stopped', reason: reason(error) }
  }
  await pause(500)
}
