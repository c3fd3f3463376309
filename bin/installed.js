// Prints how node_modules differs from package-lock.json, in one line; nothing when it does not. Compares with npm's own
// record of what it installed, so packages that someone installed by hand count too. Runs on any Node from 20 on.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const json = (name) => JSON.parse(readFileSync(join(root, name), 'utf8'))

function difference() {
  const lock = json('package-lock.json').packages
  const { dependencies = {}, devDependencies = {} } = json('package.json')
  const locked = { ...lock[''].dependencies, ...lock[''].devDependencies }
  const asked = { ...dependencies, ...devDependencies }
  const unlocked = Object.keys({ ...asked, ...locked }).find((name) => asked[name] !== locked[name])
  if (unlocked !== undefined) return `package.json and package-lock.json disagree on ${unlocked}`
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return 'not installed yet'
  const there = json('node_modules/.package-lock.json').packages
  const wrong = Object.entries(lock).filter(([place, { version, integrity, optional }]) => {
    if (place === '') return false
    const found = there[place]
    if (found === undefined) return optional !== true
    return found.version !== version || found.integrity !== integrity || !existsSync(join(root, place, 'package.json'))
  })
  if (wrong.length === 0) return ''
  const names = wrong.map(([place]) => place.replace(/^.*node_modules\//, ''))
  return `${wrong.length} missing or of another version (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', ...' : ''})`
}

process.stdout.write(difference())
