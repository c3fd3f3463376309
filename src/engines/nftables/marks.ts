/**
 * How the 32 bits of a packet's mark and of a conntrack mark are used.
 *
 * Packet mark: bit 0 says "checked, may be routed" (the host routes nothing else); bit 1 says "to the outbound gateway,
 * whatever its destination"; bits 8 to 30 hold the class of the outside address; the value `permitMark` alone says "a policy permits this packet". Conntrack mark: the path id, 0 for none.
 */

/** The host's routing rules select on this bit, with this mask. */
export const routeBit = 0x1

/** Routing rules that come before select on this bit, with this mask. */
export const leadBit = 0x2

/** What the gate asks for. Path ids and class marks never have this bit. */
export const permitMark = 0x8000_0000

export const maxPathId = 0x7fff_ffff
export const maxClassId = 0x7f_ffff

/** The packet mark of an address of that class; still routable. */
export function classMark(classId: number): number {
  return classId * 0x100 + routeBit
}

export function formatMark(mark: number): string {
  return `0x${mark.toString(16).padStart(8, '0')}`
}
