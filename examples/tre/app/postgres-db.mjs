// A PostgreSQL server (PGlite behind its socket server) with one table of invented patients.
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { me, reason } from './http.mjs'

const study = process.env.STUDY ?? 'study'
const db = await PGlite.create()
await db.exec('CREATE TABLE patients (id integer PRIMARY KEY, study text NOT NULL, age integer NOT NULL, dose numeric(4, 1) NOT NULL)')
await db.query(
  `INSERT INTO patients SELECT n, $1, 40 + (n * 7) % 45, 0.5 * (n % 9) FROM generate_series(1, ${Number(process.env.PATIENTS ?? 100)}) AS n`,
  [study],
)

const server = new PGLiteSocketServer({ db, host: '::', port: 5432, maxConnections: 16 })
server.addEventListener('error', (event) => console.log(`${me}: ${reason(event.detail ?? event)}`))
await server.start()
console.log(`${me} ready on tcp/5432`)
