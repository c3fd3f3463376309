/** The parts that policies of all kinds are written with. */
import { localRef } from './arbitrary-inside.ts'
import { instants, portNames } from './words.ts'
import type { EnclaveShape, WrittenRef } from './arbitrary-inside.ts'
import type { Choices } from './choices.ts'

export function namedPort(choices: Choices, protocol: string, destination: readonly WrittenRef[]): string | undefined {
  const declared = destination.flatMap(({ selects }) => selects).flatMap(({ ports }) => ports)
  const names = portNames.filter((name) => declared.some((port) => port.name === name && port.protocol === protocol))
  return names.length > 0 && choices.chance(60) ? choices.pick(names) : undefined
}

export function localRefs(choices: Choices, enclave: EnclaveShape): readonly WrittenRef[] {
  return Array.from({ length: choices.chance(25) ? 2 : 1 }, () => localRef(choices, enclave))
}

/** One reference alone or a list, as documents may have it. */
export function written(refs: readonly WrittenRef[]): unknown {
  return refs.length === 1 ? refs[0]?.written : refs.map((ref) => ref.written)
}

/** Only tcp can be encrypted. */
export function encryption(choices: Choices, traffic: readonly Readonly<Record<string, unknown>>[]): { readonly encryption?: string } {
  return traffic.every(({ protocol }) => protocol === 'tcp') && choices.chance(35) ? { encryption: 'required' } : {}
}

export function expiry(choices: Choices): { readonly expires?: string } {
  return choices.chance(35) ? { expires: choices.pick(instants) } : {}
}
