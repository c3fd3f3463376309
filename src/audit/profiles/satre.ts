/**
 * SATRE, the Standard Architecture for Trusted Research Environments: the statements of its pillar "computing technology and
 * information security" that networks have to do with. Statements are cited by number; titles are ours.
 */
import type { Control, Profile } from './profile.ts'

/** Later texts number the same statements with two digits (2.1.09); both were compared, and say the same. */
const edition = 'SATRE specification 1.1 of 2025 (satre-specification.readthedocs.io), statement'

function cited(id: string, rest: Omit<Control, 'id' | 'source'>): Control {
  return { id, source: `${edition} ${id}`, ...rest }
}

export const satre: Profile = {
  name: 'satre',
  about: 'Network statements of SATRE; nothing about data, people or premises. A TRE is judged by all of SATRE, not by this part of it.',
  controls: [
    cited('2.1.8', {
      title: 'Shared services serve one project', ask: 'person',
      question: 'Does each service that several projects reach keep them apart?',
      remains: 'a service that two projects reach may pass on what it is told; Guardrails of the form `noFlow` name such relays',
    }),
    cited('2.1.9', {
      title: 'Risks of telemetry are recorded', ask: 'telemetry-is-accepted',
      question: 'Has every External with `telemetry` that a policy opens a RiskRecord that is in date?',
      remains: 'whether nothing else is sent than the record says',
    }),
    cited('2.1.14', {
      title: 'Projects are segregated on shared (non-standard) compute', ask: 'shared-hosts-are-segregated',
      question: 'Where two projects may share hosts, was their separation on the network tried and found whole?',
      remains: 'whether data is wiped from hosts and disks before another project uses them',
    }),
    cited('2.2.4', {
      title: 'Changes are tested', ask: 'tests-pass',
      question: 'Are there PolicyTests and Guardrails, and do all of them hold?',
      remains: 'whether changes are tried away from production',
    }),
    cited('2.2.9', {
      title: 'The network is controlled', ask: 'verified-recently', days: 30,
      question: 'Was everything that is in force verified, and found as the documents say?',
    }),
    cited('2.2.10', {
      title: 'No connectivity between projects', ask: 'projects-are-apart',
      question: 'Does no path, and no chain of paths, lead from one project to another?',
      remains: 'which enclaves are projects, and whether services that they share keep them apart',
    }),
    cited('2.2.11', {
      title: 'Outbound connections are denied by default', ask: 'outbound-denied-by-default',
      question: 'Does every path outward name a destination, and none the whole internet?',
    }),
    cited('2.2.13', {
      title: 'The network configuration is monitored', ask: 'verified-recently', days: 30,
      question: 'Is the last verification younger than 30 days, and without a mismatch?',
    }),
    cited('2.5.3', {
      title: 'Backups of configuration', ask: 'person',
      question: 'Are documents, state folder and change log backed up?',
      remains: 'backups are made elsewhere; the state folder and the folder of documents hold all there is',
    }),
    {
      id: 'logs', title: 'Protected logs', source: 'no statement of SATRE 1.1, where 2.5.3 is about backups; asked here because every other answer stands on the log', ask: 'changes-are-logged',
      question: 'Is every change in a log that shows when it is edited or cut, and that its owner alone can read?',
      remains: 'how long logs are kept, and where copies of them are',
    },
    cited('2.5.13', {
      title: 'Encryption between the TRE and others', ask: 'inbound-is-encrypted',
      question: 'Does every way in from outside use TLS?',
      remains: 'whether what goes outward by address alone is encrypted',
    }),
  ],
}
