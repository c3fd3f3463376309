/** What plays another platform's bundle endpoint outside: serves what stands in the files of a folder, as it is at each request. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleOf } from '../../../src/identity/bundle-exchange.ts'
import { serveBundle } from '../../../src/identity/bundle-server.ts'

const [folder = '', trustDomain = '', port = ''] = process.argv.slice(2)
const text = (name: string): string => readFileSync(join(folder, name), 'utf8')

await serveBundle({
  bundle: () => bundleOf({ trustDomain, document: text('bundle.json') }),
  profile: { kind: 'https_web', certificate: () => ({ chain: text('chain.pem'), key: text('key.pem') }) },
  host: '::', port: Number(port),
})
