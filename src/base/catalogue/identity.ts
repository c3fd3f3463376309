/** Keys, certificates and bundles. */
import type { CatalogueEntry } from './entry.ts'

export const identityErrors = {
  'spiffe-id-invalid': {
    title: 'not a SPIFFE ID of this platform',
    why: 'A certificate says who somebody is; one for a name that others read differently would speak for two.',
    fix: 'Use `spiffe://TRUST-DOMAIN/PATH` with the platform\'s trust domain, in letters, digits, `.`, `_` and `-`.',
  },
  'key-exposed': {
    title: 'a private key can be read or replaced by others than its owner',
    why: 'Whoever holds the key can act as its owner.',
    fix: 'Make a new key; keep it in a file of mode 0600, in a folder that only its owner may write.',
  },
  'identity-damaged': {
    title: 'a file of the certificate authority or of a trust bundle is missing or damaged',
    why: 'Going on without it would forget which bundles were replaced, or make an authority that nobody trusts.',
    fix: 'Restore the folder from a backup; if there is none, remove it and exchange bundles with every Peer again.',
  },
  'authority-unusable': {
    title: 'the certificate authority cannot sign now',
    why: 'A certificate that outlives its authority, or that no bundle vouches for, would be refused everywhere.',
    fix: 'Check the clock; supply an intermediate that is valid and whose root is among the roots.',
  },
  'root-elsewhere': {
    title: 'the root of this platform is kept elsewhere',
    why: 'Only whoever holds its key can replace it.',
    fix: 'Add the new root to `rootsFile`, wait until every Peer has fetched it, then supply an intermediate of the new root.',
  },
  'svid-of-another': {
    title: 'the folder holds the identity of another workload',
    why: 'A workload gets its own identity and no other.',
    fix: 'Use a folder for each workload.',
  },
  'bundle-refused': {
    title: 'a trust bundle is not accepted',
    why: 'A bundle decides who may speak for a whole platform, so it is taken whole or not at all. The previous one stays.',
    fix: 'Read the reason; if the endpoint is the right one, ask the other platform\'s operator.',
  },
  'bundle-replayed': {
    title: 'a trust bundle older than the one before',
    why: 'An old bundle would bring back an authority that has been removed. The newer one stays.',
    fix: 'If the other platform was set up anew, remove its bundle here and give the new one by hand.',
  },
  'bundle-unreachable': {
    title: 'a trust bundle could not be fetched',
    why: 'The previous one stays in use until its certificates expire; fetching is tried again.',
    fix: 'Check the Peer\'s `bundleEndpoint` and whether it can be reached.',
  },
  'internal': {
    title: 'a mistake in Bulkhead itself',
    why: 'It met a case its authors had excluded. Nothing was widened.',
    fix: 'Report it with the message; set BULKHEAD_DEBUG=1 to see where it happened.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>
