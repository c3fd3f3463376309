// The study's API: answers over HTTP what it asks of the workspace's own database in SQL.
import pg from 'pg'
import { me, patiently, reason, serve } from './http.mjs'

const pool = new pg.Pool({
  host: 'postgres-db', database: 'postgres', user: 'postgres', max: 2, connectionTimeoutMillis: 2000, idleTimeoutMillis: 0, keepAlive: true,
})
pool.on('error', (error) => console.log(`${me}: connection to postgres-db ended: ${reason(error)}`))

const row = async (sql) => (await pool.query(sql)).rows[0]

await patiently('postgres-db', () => row('SELECT 1'))
serve(8080, {
  'GET /summary': () => row(
    'SELECT min(study) AS study, count(*)::int AS patients, round(avg(age), 1)::float AS "meanAge", round(avg(dose), 2)::float AS "meanDose" FROM patients',
  ),
  'GET /version': () => row('SELECT version()'),
})
