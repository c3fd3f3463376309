/** K8TRE, a specification of TREs on Kubernetes: its pages about networking, telemetry and workspaces. Pages are cited by date; titles are ours. */
import type { Profile } from './profile.ts'

const networking = 'K8TRE specification, page Networking, last updated 2025-05-30 (docs.k8tre.org)'
const telemetry = 'K8TRE specification, page Telemetry, last updated 2025-11-25 (docs.k8tre.org)'
const workspaces = 'K8TRE specification, page Workspace Isolation (once Workspaces), last updated 2025-11-25 (docs.k8tre.org)'

export const k8tre: Profile = {
  name: 'k8tre',
  about: 'What K8TRE says of networks, telemetry and workspaces; nothing of storage, secrets, identity providers or deployment.',
  controls: [
    { id: 'networking-ingress', title: 'External access comes through a gateway', source: networking, ask: 'inbound-through-gateway', question: 'Does everything from outside arrive at a gateway, and no private address answer?' },
    {
      id: 'networking-cni', title: 'The cluster enforces NetworkPolicy', source: networking, ask: 'cluster-enforces',
      question: 'Does the cluster\'s network plugin enforce all that the documents say?',
      remains: 'no cluster is looked at by this command',
    },
    { id: 'networking-outbound', title: 'Outbound is blocked, or restricted to approved addresses and ports', source: networking, ask: 'outbound-denied-by-default', question: 'Does every path outward name a destination, and none the whole internet?' },
    {
      id: 'telemetry', title: 'Telemetry is prohibited, or its risks are identified and mitigated (SATRE 2.1.9)', source: telemetry, ask: 'telemetry-is-accepted',
      question: 'Has every External with `telemetry` that a policy opens a RiskRecord that is in date?',
      remains: 'whether nothing else is sent than the record says',
    },
    {
      id: 'workspaces-apart', title: 'Workspaces are isolated from each other', source: workspaces, ask: 'projects-are-apart',
      question: 'Does no path, and no chain of paths, lead from one workspace to another?',
      remains: 'which enclaves are workspaces, and whether services that they share keep them apart',
    },
    { id: 'workspaces-closed', title: 'Workspaces are isolated from the internet', source: workspaces, ask: 'projects-closed-to-outside', question: 'Does no path join a workspace and an External directly?' },
    {
      id: 'workspaces-shared', title: 'Services of a project serve that project alone (SATRE 2.1.8)', source: workspaces, ask: 'person',
      question: 'Does each service that several workspaces reach keep them apart?',
      remains: 'a service that two workspaces reach may pass on what it is told; Guardrails of the form `noFlow` name such relays',
    },
    {
      id: 'workspaces-compute', title: 'Segregation on shared (non-standard) compute (SATRE 2.1.14)', source: workspaces, ask: 'shared-hosts-are-segregated',
      question: 'Where two workspaces may share hosts, was their separation on the network tried and found whole?',
      remains: 'whether data is wiped from hosts and disks before another workspace uses them',
    },
  ],
}
