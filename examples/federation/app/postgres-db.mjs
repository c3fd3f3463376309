// A PostgreSQL server (PGlite behind its socket server) that keeps this site's copy of the log. An entry is known by the site
// that it was written at and its number there, so copies of two sites never contradict each other.
import { PGlite } from '@electric-sql/pglite'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

const db = await PGlite.create()
await db.exec('CREATE TABLE log (site text NOT NULL, number integer NOT NULL, entry text NOT NULL, PRIMARY KEY (site, number))')
const server = new PGLiteSocketServer({ db, host: '::', port: 5432, maxConnections: 16 })
await server.start()
console.log(`${process.env.BULKHEAD_SPIFFE_ID} ready on tcp/5432`)
