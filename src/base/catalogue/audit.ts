/** The change log, profiles of controls, and evidence. */
import type { CatalogueEntry } from './entry.ts'

export const auditErrors = {
  'change-log-broken': {
    title: 'the log of changes is not what was written',
    why: 'A line was edited, removed or added. Nothing is changed that cannot be recorded reliably.',
    fix: 'Find out who did it; keep the file; then begin another log with `bulkhead audit --log --begin-anew --reason TEXT`.',
  },
  'change-log-unwritable': {
    title: 'the log of changes cannot be written',
    why: 'A change that nobody can account for is not made.',
    fix: 'Make room on its disk, or give the state folder back to its owner; then try again.',
  },
  'evidence-invalid': {
    title: 'a file is not evidence that the given key has signed',
    why: 'It was changed, or somebody else made it: nothing in it can be relied on.',
    fix: 'Ask whoever made it for the file and the public key again, over another channel.',
  },
  'evidence-key-unusable': {
    title: 'a key for evidence cannot be used',
    why: 'Evidence is signed by an Ed25519 key that its owner alone can read.',
    fix: 'Make one with `bulkhead evidence key`, or give one in PEM with --key.',
  },
  'profile-unknown': {
    title: 'there is no profile of this name',
    why: 'Guessing what should be checked would give an answer to another question.',
    fix: 'Name one that is built in, or a folder of profile documents.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>
