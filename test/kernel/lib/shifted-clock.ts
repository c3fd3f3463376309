/**
 * Loaded before a program (`node --import`), gives it a clock that is off by the milliseconds that a file holds: the way a
 * step of the machine's clock looks to it. Timers and the kernel go on as they do then.
 */
import { readFileSync } from 'node:fs'

const file = process.env['BULKHEAD_TEST_CLOCK'] ?? ''
const RealDate = Date
const real = RealDate.now.bind(RealDate)

function shifted(): number {
  try {
    return real() + Number(readFileSync(file, 'utf8'))
  } catch {
    return real()
  }
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args: readonly unknown[], self) => Reflect.construct(target, args.length === 0 ? [shifted()] : args, self) as object,
  get: (target, key, self) => (key === 'now' ? shifted : (Reflect.get(target, key, self) as unknown)),
})
