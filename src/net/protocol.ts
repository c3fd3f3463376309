/** The four protocols that a policy can name. `icmp` is echo, in both families. */

export const protocols = ['icmp', 'sctp', 'tcp', 'udp'] as const
export type Protocol = (typeof protocols)[number]

export function isProtocol(text: string): text is Protocol {
  return (protocols as readonly string[]).includes(text)
}
