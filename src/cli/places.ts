/** Finding a place by what a person types. */
import { quote } from '../base/diagnostic.ts'
import { Fault } from '../base/fault.ts'
import { didYouMean } from '../base/suggest.ts'
import type { Inventory } from '../engines/nftables/inventory.ts'

export interface Named {
  readonly workload: string
  readonly replica: number
}

/** By `enclave/workload`, or by the name alone where that is unambiguous; a replica after `#`, 0 when unsaid. */
export function findByName<T extends Named>(all: readonly T[], text: string): T {
  const [name = '', replica = '0'] = text.split('#')
  const found = all.filter((w) => (w.workload === name || w.workload.split('/')[1] === name) && String(w.replica) === replica)
  const [only, another] = found
  if (only === undefined) {
    const names = [...new Set(all.map((w) => w.workload))]
    throw new Fault('unknown-workload', `${quote(text)} does not run here`, { help: didYouMean(name, [...names, ...names.map((n) => n.split('/')[1] ?? n)]) ?? (names.length === 0 ? 'no workload has `run` or `attach`, so none runs' : `running here: ${names.join(', ')}`) })
  }
  if (another !== undefined) throw new Fault('unknown-workload', `${quote(text)} is ambiguous`, { help: `write one of: ${found.map((w) => w.workload).join(', ')}` })
  return only
}

/** The key of a place, `enclave/workload#replica`. */
export function findPlace(inventory: Inventory, text: string): string {
  const place = findByName(inventory.attachments.filter((a) => !a.probe), text)
  return `${place.workload}#${place.replica}`
}
