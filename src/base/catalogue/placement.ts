/** What runs where, and what keeps it apart. */
import type { CatalogueEntry } from './entry.ts'

export const placementErrors = {
  'segment-full': {
    title: 'more replicas than an isolation segment holds',
    why: 'A segment is a finite pool of hosts; what exceeds it would not run, or push out somebody else\'s.',
    fix: 'Give the segment more `instances` or a larger `capacity.replicasPerInstance`, or place something elsewhere.',
  },
  'too-many-hosts': {
    title: 'more Hosts than the segment has instances',
    why: 'The segment says how many hosts its pool has; capacity is counted by that number.',
    fix: 'Raise `instances` of the IsolationSegment, or take Hosts out of it.',
  },
  'host-instance-type': {
    title: 'a Host of another instance type than its segment',
    why: 'Whoever chose the segment was promised its kind of machine.',
    fix: 'Correct `instanceType`, or put the Host into a segment of its kind.',
  },
  'host-named': {
    title: 'a tenant\'s document names a Host',
    why: 'Tenants choose segments; the operator may move and drain hosts without asking them.',
    fix: 'Name an IsolationSegment, or nothing at all.',
  },
  'misplaced': {
    title: 'a workload is assigned to a Host where it may not run',
    why: 'Segments, stacks, layers, capacity and spread are promises about hosts, and this assignment breaks one.',
    fix: 'Assign it to a Host that the message names as fitting, or change what it may share.',
  },
  'no-placement': {
    title: 'no assignment of workloads to the Hosts honours everything asked of it',
    why: 'Whatever places the workloads, some promise would be broken.',
    fix: 'Add Hosts of the kind that the message names, or ask for less.',
  },
  'unassigned': {
    title: 'replicas that are assigned to no Host',
    why: 'They run nowhere: each host starts what its Host document names, and nothing else.',
    fix: 'Add them to `workloads` of a Host that fits.',
  },
  'host-unknown': {
    title: 'the documents do not say what belongs on this machine',
    why: 'Each host carries what its Host document names; without that document it carries nothing.',
    fix: 'Give the name of a Host with `--host NAME`.',
  },
  'database-reached': {
    title: 'a path to a database from elsewhere than the app and bastion layers',
    why: 'Workloads of layer `database` accept connections from the layers `app` and `bastion` of their own stack, and from nobody else.',
    fix: 'Route the path through an app or a bastion, or correct the `layer` of the workload that it comes from.',
  },
  'bastion-unlimited': {
    title: 'a way in to a bastion that does not end',
    why: 'A bastion is opened for a time and a reason; a standing way in is a back door.',
    fix: 'Give the policy an `expires`.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>
