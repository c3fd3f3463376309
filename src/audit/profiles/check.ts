/** A profile's controls, answered one by one with what each answer stands on. */
import { answered } from './answer.ts'
import { alsoTried, changesLogged, pathsApproved, sharedHosts, throughGateway, verifiedRecently } from './live.ts'
import { haveOwners, inboundEncrypted, outboundDenied, projectsApart, projectsClosed, telemetryAccepted, testsPass } from './paths.ts'
import type { Standing } from '../in-force.ts'
import type { ControlAnswer, Finding, Outcome } from './answer.ts'
import type { Control, Profile } from './profile.ts'

export interface ProfileAnswer {
  readonly profile: string
  readonly about: string
  readonly answers: readonly ControlAnswer[]
  readonly unseen: readonly string[]
}

const defaultDays = 30

/** `now` in milliseconds since the epoch. */
export function checkProfile(profile: Profile, standing: Standing, now: number): ProfileAnswer {
  return { profile: profile.name, about: profile.about, answers: profile.controls.map((control) => answered(control, findingOf(control, standing, now))), unseen: standing.unseen }
}

function findingOf(control: Control, standing: Standing, now: number): Finding {
  const asked = { platform: standing.set.platform, intent: standing.set.intent, now }
  switch (control.ask) {
    case 'outbound-denied-by-default':
      return alsoTried(outboundDenied(asked), standing)
    case 'projects-are-apart':
      return alsoTried(projectsApart(asked, control.projects), standing)
    case 'projects-closed-to-outside':
      return alsoTried(projectsClosed(asked, control.projects), standing)
    case 'telemetry-is-accepted':
      return telemetryAccepted(asked, control.prohibit ?? false)
    case 'tests-pass':
      return testsPass(asked)
    case 'inbound-is-encrypted':
      return inboundEncrypted(asked)
    case 'inbound-through-gateway':
      return throughGateway(standing)
    case 'environments-have-owners':
      return haveOwners(asked)
    case 'verified-recently':
      return verifiedRecently(standing, control.days ?? defaultDays, now)
    case 'shared-hosts-are-segregated':
      return sharedHosts(standing, control.projects)
    case 'changes-are-logged':
      return changesLogged(standing)
    case 'paths-are-approved':
      return pathsApproved(standing, now)
    case 'cluster-enforces':
    case 'person':
      return { outcome: 'needs a person', facts: [] }
  }
}

export function countOutcomes(answers: readonly ControlAnswer[]): Readonly<Record<Outcome, number>> {
  const counts: Record<Outcome, number> = { 'pass': 0, 'fail': 0, 'not applicable': 0, 'needs a person': 0 }
  for (const { outcome } of answers) counts[outcome]++
  return counts
}
