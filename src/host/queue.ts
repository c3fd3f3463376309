/** One thing at a time, in order of arrival: two changes of the kernel never interleave. */
export interface Queue {
  readonly run: <T>(work: () => Promise<T>) => Promise<T>
}

export function createQueue(): Queue {
  let tail: Promise<unknown> = Promise.resolve()
  return {
    run: (work) => {
      const next = tail.then(work, work)
      tail = next.catch(() => undefined)
      return next
    },
  }
}
