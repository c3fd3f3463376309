/** What some work gives, and the milliseconds of processor time that it took: what else the machine does at that time does not count. */
export function measured<T>(work: () => T): { readonly value: T; readonly ms: number } {
  const began = process.cpuUsage()
  const value = work()
  const { user, system } = process.cpuUsage(began)
  return { value, ms: (user + system) / 1000 }
}
