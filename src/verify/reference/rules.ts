/** The rules of `docs/meaning.md` that can decide a flow, so that a test can show that each of them really did. */

export const allowRules = [
  'a service policy opens it',
  'a service policy opens a workload to itself',
  'a group opens it',
  'a nested group opens it',
  'an import meets an export',
  'an import names the workload of a peer',
  'an export names the workload of a peer',
  'an egress policy names the external',
  'an egress policy holds the address',
  'an egress policy holds the name',
  'an ingress policy publishes the address',
  'an ingress policy names the external',
] as const

export const denyRules = [
  'the port does not fit the protocol',
  'the workload is not known',
  'both ends are outside',
  'an outside end asks for a workload itself',
  'only an address reaches a published address',
  'nobody publishes the address',
  'the published address has another port',
  'the published address is for other sources',
  'an address of the platform is never outside',
  'a published address answers only from outside',
  'a restricted segment ends at its stack',
  'the policy has expired',
  'the policy selects other ends',
  'only a written name selects a workload for itself',
  'the policy carries other traffic',
  'the destination does not declare the port name',
  'the policy holds in other phases',
  'the external is another one',
  'the external does not hold the address',
  'the external does not hold reserved space',
  'the external does not hold the name',
  'the kernel cannot decide a request',
  'the group has other members',
  'the group consents alone',
  'the workload consents alone',
  'the group has no such port',
  'an import meets no export',
  'a federation policy stays inside one enclave',
] as const

/** Rules about layers of hosts: most random sets have none, so they have a property of their own. */
export const layerRules = ['a database answers its own stack\'s app and bastion', 'a way in to a bastion has an end'] as const

export type AllowRule = (typeof allowRules)[number]
export type DenyRule = (typeof denyRules)[number] | (typeof layerRules)[number]

/** Told of every rule that a decision comes across: at most one that allows, any number that do not. */
export type Witness = (rule: AllowRule | DenyRule) => void

/** For callers who only want the verdict. */
export function nobody(): void {}
