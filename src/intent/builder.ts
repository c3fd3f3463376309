/** Makes frozen paths. Ends, and whatever else many paths have in common, are made once and shared. */
import { phases } from '../model/platform.ts'
import type { PeerRef, Phase, WorkloadId } from '../model/platform.ts'
import type { Path, PathEnd, PathKind, Via, Origin } from './intent.ts'
import type { Traffic } from './traffic.ts'

export interface Builder {
  readonly workload: (id: WorkloadId) => PathEnd
  readonly external: (name: string) => PathEnd
  readonly peer: (ref: PeerRef) => PathEnd
  readonly add: (ends: { readonly source: PathEnd; readonly destination: PathEnd }, traffic: readonly Traffic[], shared: Shared) => void
  readonly paths: readonly Path[]
}

/** What all paths of one policy, or of one met pair of halves, have in common. */
export interface Shared {
  readonly kind: PathKind
  readonly phases: readonly Phase[]
  readonly expires: number | undefined
  readonly via: Via
  readonly origin: readonly Origin[]
}

export const allPhases: readonly Phase[] = Object.freeze([...phases])
export const direct: Via = Object.freeze({ kind: 'direct' })
const mutualTls: Via = Object.freeze({ kind: 'mutual-tls' })

/** How a path between two workloads goes when these documents open it together: one that asks for encryption is enough. */
export function insideVia(...documents: readonly { readonly encryption: 'required' | undefined }[]): Via {
  return documents.some(({ encryption }) => encryption === 'required') ? mutualTls : direct
}

export function builder(): Builder {
  const paths: Path[] = []
  const ends = new Map<string, PathEnd>()

  function end(key: string, make: () => PathEnd): PathEnd {
    let made = ends.get(key)
    if (made === undefined) ends.set(key, (made = Object.freeze(make())))
    return made
  }

  return {
    workload: (id) => end(id, () => ({ kind: 'workload', workload: id })),
    external: (name) => end(`external:${name}`, () => ({ kind: 'external', external: name })),
    peer: ({ peer, enclave, workload }) =>
      end(`peer:${peer}/${enclave}/${workload}`, () => ({ kind: 'peer', peer, enclave, workload })),
    add: ({ source, destination }, traffic, shared) => {
      for (const { protocol, ports, messages } of traffic) {
        const { kind, phases, expires, origin } = shared
        const via = messages === undefined ? shared.via : Object.freeze({ kind: 'direct' as const, messages })
        paths.push(Object.freeze({ kind, source, destination, protocol, ports, phases, expires, via, origin }))
      }
    },
    paths,
  }
}

export function originOf(document: { readonly kind: string; readonly enclave: string; readonly name: string; readonly at: Origin['at'] }): Origin {
  return Object.freeze({ document: `${document.kind} ${document.enclave}/${document.name}`, at: document.at })
}
