/**
 * Identities where they are used: each workload's own SVID in its own folder, and for the gateways whatever their
 * configuration asks for. Nothing here opens a path; what cannot be issued leaves its paths closed.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { messageOf } from '../../base/fault.ts'
import { openAuthority } from '../../identity/authority.ts'
import { identityPlaces } from '../../identity/places.ts'
import { startSvidRotation } from '../../identity/svid-rotation.ts'
import { readSvidFolder, writeSvidFolder } from '../../identity/svid-files.ts'
import { workloadSpiffeId } from '../../model/workload-id.ts'
import { hostUid } from '../drop-root.ts'
import type { Authority } from '../../identity/authority.ts'
import type { TrustBundle } from '../../identity/bundle.ts'
import type { ServerIdentity, Svid } from '../../identity/svid.ts'
import type { SvidRotation } from '../../identity/svid-rotation.ts'
import type { Platform, WorkloadId } from '../../model/platform.ts'
import type { Plan } from '../plan.ts'
import type { Setting } from '../setting.ts'

export interface Identities {
  /** Everything that these places need is in its folder when this resolves, or is told as a problem and tried again. */
  readonly deliver: (platform: Platform, plan: Plan) => Promise<void>
  readonly authority: () => Authority | undefined
  readonly svidOf: (workload: WorkloadId) => Svid | undefined
  /** A certificate for host names, renewed when it is half used up. */
  readonly serverFor: (hosts: readonly string[]) => { readonly chain: string; readonly key: string } | undefined
  readonly stop: () => Promise<void>
}

const maintainMs = 60_000

/** `onChange` is called when an identity or the bundle has been renewed: for the gateways, which have their own copies. */
export function createIdentities(setting: Setting, onChange: () => void, log: (text: string) => void): Identities {
  const places = identityPlaces(setting.folder)
  let made: { readonly key: string; readonly authority: Authority; readonly rotation: SvidRotation; readonly trustDomain: string } | undefined
  /** By SPIFFE ID: whose folder, and who reads it. */
  let users: ReadonlyMap<string, { readonly workload: WorkloadId; readonly uid: number | undefined }> = new Map()

  const servers = new Map<string, { readonly authority: Authority; readonly issued: ServerIdentity }>()

  const serverFor = (hosts: readonly string[]): { chain: string; key: string } | undefined => {
    if (made === undefined) return undefined
    const key = hosts.join()
    const before = servers.get(key)
    const good = before?.authority === made.authority && Date.now() < (before.issued.notBefore + before.issued.notAfter) / 2
    const issued = good ? before.issued : made.authority.issueServer(hosts)
    servers.set(key, { authority: made.authority, issued })
    return { chain: issued.chain, key: issued.key.reveal() }
  }

  const deliver = (svid: Svid, bundle: TrustBundle): void => {
    const user = users.get(svid.spiffeId)
    if (user === undefined) return
    writeSvidFolder(places.svid(user.workload), svid, bundle, user.uid === undefined ? undefined : { uid: user.uid, gid: user.uid })
    onChange()
  }

  const open = (platform: Platform): NonNullable<typeof made> => {
    const key = JSON.stringify([platform.trustDomain, platform.identity])
    if (made?.key === key) return made
    void made?.rotation.stop()
    const authority = openAuthority({ folder: places.authority, trustDomain: platform.trustDomain, supplied: platform.identity.authority, svidSeconds: platform.identity.svidSeconds })
    const rotation = startSvidRotation({
      authority, deliver,
      onProblem: (id, error) => log(`error: the identity \`${id}\` could not be renewed: ${messageOf(error)}`),
      adopt: (id) => {
        const user = users.get(id)
        return user === undefined ? undefined : readSvidFolder(places.svid(user.workload))
      },
    })
    return (made = { key, authority, rotation, trustDomain: platform.trustDomain })
  }

  const timer = setInterval(() => {
    try {
      if (made?.authority.maintain().bundleChanged === true) void made.rotation.tick().then(onChange)
    } catch (error) {
      log(`error: the certificate authority: ${messageOf(error)}`)
    }
  }, maintainMs)
  timer.unref()

  return {
    deliver: async (platform, plan) => {
      const running = plan.places.filter((p) => p.start.kind === 'run')
      for (const p of running) mkdirSync(places.svid(p.workload), { recursive: true, mode: 0o700 })
      // Who has left has no identity to find, should somebody of its name come one day.
      const kept = new Set(plan.places.map((p) => places.svid(p.workload)))
      for (const folder of places.svids()) if (!kept.has(folder)) rmSync(folder, { recursive: true, force: true })
      users = new Map(plan.places.map((p) => [workloadSpiffeId(platform.trustDomain, p.workload), { workload: p.workload, uid: setting.mode === 'host' ? hostUid(p.group) : undefined }]))
      try {
        await open(platform).rotation.set([...users.keys()])
      } catch (error) {
        log(`error: the certificate authority: ${messageOf(error)}`)
      }
    },
    authority: () => made?.authority,
    svidOf: (workload) => (made === undefined ? undefined : made.rotation.current(workloadSpiffeId(made.trustDomain, workload))),
    serverFor,
    stop: async () => {
      clearInterval(timer)
      await made?.rotation.stop()
    },
  }
}
