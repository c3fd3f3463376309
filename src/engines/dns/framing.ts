/** DNS messages on a stream: two bytes of length before each (RFC 1035, section 4.2.2). */

export function frame(message: Uint8Array): Buffer {
  const whole = Buffer.alloc(message.length + 2)
  whole.writeUInt16BE(message.length, 0)
  whole.set(message, 2)
  return whole
}

/** Takes chunks and hands on whole messages. False when a message is longer than `most` bytes: what follows cannot be read any more. */
export function unframe(most: number, onMessage: (message: Buffer) => void): (chunk: Buffer) => boolean {
  let rest: Buffer = Buffer.alloc(0)
  let broken = false
  return (chunk) => {
    if (broken) return false
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    while (rest.length >= 2) {
      const length = rest.readUInt16BE(0)
      if (length > most) {
        broken = true
        return false
      }
      if (rest.length < length + 2) break
      const message = rest.subarray(2, length + 2)
      rest = rest.subarray(length + 2)
      onMessage(message)
    }
    return true
  }
}
