/** Doing things on a machine. */
import type { CatalogueEntry } from './entry.ts'

export const operationErrors = {
  'usage': {
    title: 'the command line cannot be understood',
    why: 'Guessing what was meant could change a running platform.',
    fix: 'Run the command with --help.',
  },
  'tool-missing': {
    title: 'a program that is needed is not installed',
    why: 'Bulkhead drives the kernel through its own tools.',
    fix: 'Run bin/setup, or install the package the message names.',
  },
  'command-failed': {
    title: 'a program that was called has failed',
    why: 'The step it was called for has not happened.',
    fix: 'Read what the program said; it is part of the message.',
  },
  'command-timeout': {
    title: 'a program that was called did not finish in time',
    why: 'It was ended, so that nothing waits for it forever.',
    fix: 'Look for what holds it up, and try again.',
  },
  'output-too-large': {
    title: 'a program that was called printed more than is kept',
    why: 'Reading the first part of an answer as if it were all of it could hide what matters.',
    fix: 'Report it: no tool should answer with so much.',
  },
  'interrupted': {
    title: 'the command was interrupted',
    why: 'Somebody asked it to stop.',
    fix: 'Run it again.',
  },
  'permission-denied': {
    title: 'the right to do this is missing',
    why: 'The kernel refused it.',
    fix: 'Run as root, or in a sandbox with --sandbox.',
  },
  'gateway-rejected': {
    title: 'a gateway does not accept its configuration',
    why: 'What was in force stays, so the paths that were to open are closed, and those that were to close are not.',
    fix: 'Read what Envoy said; it is part of the message. Then report it: every configuration was judged before it was written.',
  },
  'gateway-silent': {
    title: 'a gateway does not answer',
    why: 'Nobody can say whether it has taken the configuration; while it is down its paths are closed.',
    fix: 'Read the gateway\'s log, which the message names.',
  },
  'namespaces-forbidden': {
    title: 'this machine forbids unprivileged user namespaces',
    why: 'A sandbox without root is made of them.',
    fix: 'Allow them (`sysctl kernel.unprivileged_userns_clone=1`, or `kernel.apparmor_restrict_unprivileged_userns=0`), or run as root.',
  },
  'unsupported-system': {
    title: 'this system cannot carry packets for Bulkhead',
    why: 'Enforcement is the Linux kernel\'s: network namespaces, nftables and conntrack.',
    fix: 'Run it on Linux; checking documents works anywhere.',
  },
  'state-unreadable': {
    title: 'the state of the platform cannot be read',
    why: 'Without it nobody can tell which interfaces and rules are ours.',
    fix: 'Run `bulkhead down`, then `bulkhead up`: it puts damaged files aside.',
  },
  'state-unwritable': {
    title: 'the state of the platform cannot be written',
    why: 'What is not written down would be forgotten by the next agent, so nothing was changed.',
    fix: 'Make room on the disk of the state folder, then try again.',
  },
  'instance-busy': {
    title: 'another command changes this instance',
    why: 'Commands that change one instance take turns; this one did not get its turn in time.',
    fix: 'Wait for the command that the message names, or end it.',
  },
  'not-running': {
    title: 'no platform is running here',
    why: 'The command asks a running platform.',
    fix: 'Start one with `bulkhead up DIR`.',
  },
  'already-running': {
    title: 'a platform is running already',
    why: 'A second one would fight with it over interfaces and rules.',
    fix: 'Use `bulkhead apply DIR` to change it, or `bulkhead down` first.',
  },
  'agent-unreachable': {
    title: 'the agent does not answer',
    why: 'The last rules stay in force, but nothing can be asked or changed.',
    fix: 'Run `bulkhead up` again: it adopts what runs.',
  },
  'nft-failed': {
    title: 'the kernel refused the ruleset',
    why: 'A ruleset is loaded whole or not at all: what was in force still is.',
    fix: 'Read what nft said; it is part of the message.',
  },
  'network-failed': {
    title: 'a namespace, interface, address or route could not be set up',
    why: 'A workload is never started on half a network.',
    fix: 'Read what the kernel said; it is part of the message.',
  },
  'attach-refused': {
    title: 'a namespace or interface cannot be attached',
    why: 'A namespace that also has another interface goes round the rules.',
    fix: 'Remove the other interfaces, or name the right namespace.',
  },
  'workload-failed': {
    title: 'a workload could not be started',
    why: 'Its command ended before it could run.',
    fix: 'Read its log with `bulkhead logs WORKLOAD`.',
  },
  'unknown-workload': {
    title: 'no workload has this name',
    why: 'The command needs one that the running platform knows.',
    fix: 'Use `enclave/workload`; `bulkhead status` lists them.',
  },
  'addresses-exhausted': {
    title: 'the address space for workloads is full',
    why: 'Two workloads with one address could not be told apart.',
    fix: 'Give the Platform a larger range under `addresses`.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>
