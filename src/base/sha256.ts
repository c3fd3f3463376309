/** SHA-256 (FIPS 180-4) for the pure parts, which may not use the runtime's. Where it stands for a content, nobody finds another of the same. */

/** The first 32 bits of the fractional parts of the roots of the first primes: a constant of the standard, worked out instead of written out. */
function fractions(root: (prime: number) => number, count: number): Uint32Array {
  const primes: number[] = []
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n)
  return Uint32Array.from(primes, (prime) => {
    const whole = root(prime)
    return (whole - Math.floor(whole)) * 0x1_0000_0000
  })
}

const start = fractions(Math.sqrt, 8)
const rounds = fractions(Math.cbrt, 64)
const schedule = new Int32Array(64)

/** Of the text's UTF-8, in small hexadecimal digits; at most 64. */
export function sha256(text: string, digits = 64): string {
  const bytes = new TextEncoder().encode(text)
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n)
  const state = Int32Array.from(start)
  for (let at = 0; at < padded.length; at += 64) block(state, view, at)
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('').slice(0, digits)
}

function block(state: Int32Array, view: DataView, at: number): void {
  const w = schedule
  const of = (list: Int32Array | Uint32Array, i: number): number => list[i] ?? 0
  for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i)
  for (let i = 16; i < 64; i++) {
    const [x, y] = [of(w, i - 15), of(w, i - 2)]
    const low = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)
    const high = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10)
    w[i] = of(w, i - 16) + low + of(w, i - 7) + high
  }
  let [a, b, c, d, e, f, g, h] = [of(state, 0), of(state, 1), of(state, 2), of(state, 3), of(state, 4), of(state, 5), of(state, 6), of(state, 7)]
  for (let i = 0; i < 64; i++) {
    const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + of(rounds, i) + of(w, i)) | 0
    const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + one) | 0
    d = c
    c = b
    b = a
    a = (one + two) | 0
  }
  const next = [a, b, c, d, e, f, g, h]
  for (let i = 0; i < 8; i++) state[i] = of(state, i) + (next[i] ?? 0)
}

function turned(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by))
}
