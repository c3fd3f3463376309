/** Asks the agent to let an identity reach the addresses of an answer, and waits: no answer goes out before its addresses are open. */

export interface AdmissionRequest {
  readonly kind: 'admit'
  readonly id: number
  /** `enclave/workload@phase`. */
  readonly asker: string
  readonly name: string
  readonly addresses: readonly string[]
  /** Seconds for which the client may keep the answer. */
  readonly ttl: number
}

export interface Admissions {
  /** True when the agent has admitted the addresses in time; false for everything else. */
  readonly request: (wanted: Omit<AdmissionRequest, 'kind' | 'id'>) => Promise<boolean>
  readonly settle: (id: number, admitted: boolean) => void
}

/** `send` gives false when the request cannot be sent. `waitMs` in milliseconds; 3,000 when unsaid: the agent may be replacing the table, and clients commonly give up after 5 s. */
export function admissions(send: (request: AdmissionRequest) => boolean, waitMs = 3_000): Admissions {
  const waiting = new Map<number, (admitted: boolean) => void>()
  let last = 0
  return {
    request(wanted) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const id = (last += 1)
      const timer = setTimeout(() => settle(id, false), waitMs)
      waiting.set(id, (admitted) => {
        clearTimeout(timer)
        resolve(admitted)
      })
      if (!send({ kind: 'admit', id, ...wanted })) settle(id, false)
      return promise
    },
    settle,
  }

  function settle(id: number, admitted: boolean): void {
    const then = waiting.get(id)
    waiting.delete(id)
    then?.(admitted)
  }
}
