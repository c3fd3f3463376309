/**
 * What servers of different habits make of the same bytes. If they all read the same requests, nobody behind a gateway can be
 * made to see one that the gateway did not.
 */

export interface Habit {
  readonly name: string
  /** Where a head has both, or several, lengths. */
  readonly prefer: 'content-length' | 'chunked'
  /** Takes a bare LF for the end of a line. */
  readonly bareLf: boolean
  /** Takes every `transfer-encoding` that has the word in it for chunked. */
  readonly loose: boolean
}

export const habits: readonly Habit[] = [
  { name: 'strict', prefer: 'chunked', bareLf: false, loose: false },
  { name: 'length first', prefer: 'content-length', bareLf: false, loose: false },
  { name: 'careless', prefer: 'chunked', bareLf: true, loose: true },
  { name: 'careless, length first', prefer: 'content-length', bareLf: true, loose: true },
]

/** `METHOD TARGET` of each request in the bytes of one connection, and what is left over when it is no request. */
export function requestsIn(bytes: string, habit: Habit): readonly string[] {
  const found: string[] = []
  for (let rest = bytes; rest !== '';) {
    const end = (habit.bareLf ? /\r?\n\r?\n/ : /\r\n\r\n/).exec(rest)
    const head = end === null ? rest : rest.slice(0, end.index)
    const [line = '', ...fields] = head.split(habit.bareLf ? /\r?\n/ : '\r\n')
    found.push(line.replace(/ HTTP\/1\.[01]$/, ''))
    if (end === null) break
    rest = bodyAfter(rest.slice(end.index + end[0].length), fields, habit)
  }
  return found
}

function bodyAfter(rest: string, fields: readonly string[], { prefer, loose }: Habit): string {
  const values = (name: string): readonly string[] => fields.flatMap((field) => (field.toLowerCase().startsWith(`${name}:`) ? [field.slice(name.length + 1).trim()] : []))
  const [length] = values('content-length')
  const chunked = values('transfer-encoding').some((value) => (loose ? /chunked/i.test(value) : value.toLowerCase() === 'chunked'))
  if (chunked && (prefer === 'chunked' || length === undefined)) {
    for (let left = rest;;) {
      const size = /^([0-9a-f]+)[^\n]*\n/i.exec(left)
      if (size === null) return left
      const bytes = Number.parseInt(size[1] ?? '0', 16)
      left = left.slice(size[0].length + bytes).replace(/^\r?\n/, '')
      if (bytes === 0) return left
    }
  }
  return rest.slice(Number.parseInt(length ?? '0', 10) || 0)
}

/** Where an attack goes whose beginning a workload may hear, or not, before the gateway ends it: at what time is chance. */
export const begun = '/public/begun'

/** One list when every habit reads the same; otherwise what each reads. */
export function agreed(connections: readonly string[]): readonly string[] | Readonly<Record<string, readonly string[]>> {
  const readings = habits.map((habit) => [habit.name, connections.flatMap((bytes) => requestsIn(bytes, habit)).filter((request) => !request.endsWith(` ${begun}`))] as const)
  const [[, first] = ['', []]] = readings
  return readings.every(([, each]) => JSON.stringify(each) === JSON.stringify(first)) ? first : Object.fromEntries(readings)
}
