/** The phases of a workload's life; with its id, the identity that is enforced. */
export const phases = ['running', 'staging', 'task'] as const
export type Phase = (typeof phases)[number]
