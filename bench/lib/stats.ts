/** Numbers with their spread. */

export interface Spread {
  readonly count: number
  readonly min: number
  readonly median: number
  readonly p99: number
  readonly max: number
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
  return { count: sorted.length, min: at(0), median: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? NaN }
}

/** Three significant digits, without an exponent. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (value === 0) return '0'
  const places = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))))
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toFixed(Math.min(places, 4))
}

/** `median (min to max)`. */
export function withSpread(values: readonly number[]): string {
  const { median, min, max } = spread(values)
  return `${digits(median)} (${digits(min)} to ${digits(max)})`
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---|').join('')}`, ...rows.map((row) => `| ${row.join(' | ')} |`)]
}
