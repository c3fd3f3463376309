/**
 * On a machine the agent is root, and its workloads must not be: each identity gets a user id of its own, far from all others.
 * That user can open none of the files it is to see, so root puts them on a stage, in a mount namespace that dies with it.
 */
import { chownSync, mkdirSync } from 'node:fs'
import type { Confinement } from './bwrap.ts'

/** Above every range that systemd's list of user ids knows (UIDS-GIDS, systemd.io). */
const firstUid = 1_900_000_000

export function hostUid(group: number): number {
  return firstUid + group
}

/** Made once on the machine, empty there; only inside a stage's own namespace is anything mounted on it. */
export const stageFolder = '/run/bulkhead-stage'

const script = `
mount -n -t tmpfs -o mode=755,size=1m tmpfs "$1" || exit 125
stage=$1; count=$2; shift 2; i=0
while [ "$i" -lt "$count" ]; do
  if [ -d "$1" ]; then mkdir "$stage/$i"; else : > "$stage/$i"; fi
  mount -n --bind "$1" "$stage/$i" || exit 125
  shift; i=$((i + 1))
done
exec "$@"
`

/** The confinement with every source on the stage, and what has to come before its command line. */
export function onStage(c: Confinement, uid: number): { readonly confinement: Confinement; readonly before: readonly string[] } {
  chownSync(c.data, uid, uid)
  const { at, before } = stage([c.etc, c.data, c.runtime, c.svid, ...c.start.mounts.map((m) => m.from)], uid)
  const mounts = c.start.mounts.map((m, i) => ({ from: at(i + 4), to: m.to }))
  return { confinement: { ...c, etc: at(0), data: at(1), runtime: at(2), svid: at(3), start: { ...c.start, mounts } }, before }
}

/** Where each source is found on the stage, and what has to come before the command line that looks there as that user. */
export function stage(sources: readonly string[], uid: number): { readonly at: (i: number) => string; readonly before: readonly string[] } {
  mkdirSync(stageFolder, { recursive: true, mode: 0o755 })
  return {
    at: (i) => `${stageFolder}/${i}`,
    before: [
      'unshare', '--mount', '--propagation', 'private', '--', 'sh', '-c', script, 'bulkhead-stage', stageFolder, String(sources.length), ...sources,
      ...dropTo(uid),
    ],
  }
}

/** What makes the rest of a command line an unprivileged user's. */
export function dropTo(uid: number): readonly string[] {
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--inh-caps=-all', '--no-new-privs', '--']
}
