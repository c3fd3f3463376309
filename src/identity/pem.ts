/** PEM, strictly: certificates one after the other, with nothing else among them but white space. */

const longest = 1024 * 1024

export function toPem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** The certificates of a PEM text, in order; `undefined` when anything in it is not one, or there is none. */
export function certificatesOfPem(text: string): readonly Buffer[] | undefined {
  if (text.length > longest) return undefined
  const found: Buffer[] = []
  const rest = text.replace(/-----BEGIN CERTIFICATE-----\s([A-Za-z0-9+/=\s]*?)-----END CERTIFICATE-----/g, (_, body: string) => {
    const der = strictBase64(body.replace(/\s/g, ''))
    if (der === undefined) return 'damaged'
    found.push(der)
    return ''
  })
  return rest.trim() === '' && found.length > 0 ? found : undefined
}

/** Standard base64 with its padding and nothing else; `undefined` for any other text. */
export function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return text !== '' && bytes.toString('base64') === text ? bytes : undefined
}
