/** The shape of a document. */
import type { CatalogueEntry } from './entry.ts'

export const shapeErrors = {
  'not-a-document': {
    title: 'not a document',
    why: 'Every document has `apiVersion`, `kind`, `metadata` and `spec`, or is the bare form with `policy` alone.',
    fix: 'Write those four fields, or remove the text.',
  },
  'unknown-version': {
    title: 'an apiVersion that is not known',
    why: 'The same words may mean something else in another version.',
    fix: 'Write `apiVersion: bulkhead.dev/v1`.',
  },
  'unknown-kind': {
    title: 'a kind that is not known',
    why: 'Leaving out a document nobody understands could open or close paths unseen.',
    fix: 'Use one of the kinds in the reference.',
  },
  'unknown-field': {
    title: 'a field that is not known',
    why: 'A misspelt field would be ignored in silence, and the document would mean something else than it says.',
    fix: 'Correct the spelling or remove the field.',
  },
  'missing-field': {
    title: 'a field is missing',
    why: 'There is no safe default for it.',
    fix: 'Write the field.',
  },
  'wrong-type': {
    title: 'a value of the wrong type',
    why: 'Guessing what was meant could widen a policy.',
    fix: 'Write a value of the type named; quote text that looks like a number.',
  },
  'wrong-value': {
    title: 'a value that is not allowed here',
    why: 'Only the values named in the message have a meaning.',
    fix: 'Use one of them.',
  },
  'invalid-name': {
    title: 'a name that is not a DNS label',
    why: 'Names become host names, certificate identities and file names; anything else could be read as a path or another name.',
    fix: 'Use lower-case letters, digits and `-`, starting and ending with a letter or digit, at most 63 characters.',
  },
  'enclave-missing': {
    title: 'the document does not say which enclave owns it',
    why: 'A policy counts only in the enclave that owns it.',
    fix: 'Write `enclave: NAME` under `metadata`.',
  },
  'enclave-unneeded': {
    title: 'an enclave is named on a document that belongs to none',
    why: 'It would look as if the document counted for that enclave alone.',
    fix: 'Remove `enclave` from `metadata`.',
  },
  'duplicate-name': {
    title: 'two documents of one kind have one name',
    why: 'A reference to the name would be ambiguous.',
    fix: 'Rename or remove one of them.',
  },
  'conflicting-fields': {
    title: 'fields that exclude each other, or none where one is needed',
    why: 'The document would mean two things at once, or nothing.',
    fix: 'Keep exactly one of the fields named.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>
