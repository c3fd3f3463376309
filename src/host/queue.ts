/** One thing at a time, in order of arrival: two changes of the kernel never interleave. */
export interface Queue {
  readonly run: <T>(work: () => Promise<T>) => Promise<T>
  readonly busy: () => boolean
}

export function createQueue(): Queue {
  let tail: Promise<unknown> = Promise.resolve()
  let waiting = 0
  return {
    run: (work) => {
      waiting++
      const next = tail.then(work, work)
      tail = next.then(
        () => void waiting--,
        () => void waiting--,
      )
      return next
    },
    busy: () => waiting > 0,
  }
}
