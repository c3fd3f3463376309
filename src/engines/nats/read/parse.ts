/** The notation of NATS' configuration files, as far as it needs no variables and no included files. */

export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value }

type Token = { readonly kind: 'sign' | 'quoted' | 'word' | 'end'; readonly text: string }

/** Keys and values separated by `:`, `=` or nothing; members by commas, semicolons or lines. Throws a SyntaxError for anything else. */
export function parseConfiguration(text: string): Readonly<Record<string, Value>> {
  const tokens = tokensOf(text)
  let at = 0
  const next = (): Token => tokens[at++] ?? { kind: 'end', text: '' }
  const isSign = (...signs: readonly string[]): boolean => tokens[at]?.kind === 'sign' && signs.includes(tokens[at]?.text ?? '')

  function members(close: string): Readonly<Record<string, Value>> {
    const out: Record<string, Value> = Object.create(null) as Record<string, Value>
    for (;;) {
      while (isSign(',', ';')) at++
      if (close === '' ? tokens[at]?.kind === 'end' : isSign(close)) {
        at++
        return out
      }
      const key = next()
      if (key.kind !== 'quoted' && key.kind !== 'word') throw new SyntaxError(`a key is expected, not ${key.text}`)
      if (key.text === 'include') throw new SyntaxError('another file is included')
      if (key.text in out) throw new SyntaxError(`${key.text} is there twice`)
      if (isSign(':', '=')) at++
      out[key.text.toLowerCase()] = value()
    }
  }

  function value(): Value {
    const token = next()
    if (token.kind === 'quoted') return token.text
    if (token.kind === 'sign' && token.text === '{') return members('}')
    if (token.kind === 'sign' && token.text === '[') {
      const items: Value[] = []
      for (;;) {
        while (isSign(',', ';')) at++
        if (isSign(']')) {
          at++
          return items
        }
        items.push(value())
      }
    }
    if (token.kind !== 'word' || token.text.startsWith('$')) throw new SyntaxError(`a value is expected, not ${token.text}`)
    if (/^(?:true|yes|on)$/i.test(token.text)) return true
    if (/^(?:false|no|off)$/i.test(token.text)) return false
    return /^-?\d+(?:\.\d+)?$/.test(token.text) ? Number(token.text) : token.text
  }

  return members('')
}

function tokensOf(text: string): readonly Token[] {
  const out: Token[] = []
  const form = /\s+|(?:#|\/\/)[^\n]*|([{}[\],;:=])|"([^"\\\n]*)"|'([^'\n]*)'|([^\s{}[\],;:="'#]+)/y
  while (form.lastIndex < text.length) {
    const from = form.lastIndex
    const found = form.exec(text)
    if (found === null) throw new SyntaxError(`not understood: ${JSON.stringify(text.slice(from, from + 20))}`)
    const [, sign, double, single, word] = found
    if (sign !== undefined) out.push({ kind: 'sign', text: sign })
    else if (word !== undefined) out.push({ kind: 'word', text: word })
    else if (double !== undefined || single !== undefined) out.push({ kind: 'quoted', text: double ?? single ?? '' })
  }
  out.push({ kind: 'end', text: '' })
  return out
}
