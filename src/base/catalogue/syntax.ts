/** Texts that cannot be parsed. */
import type { CatalogueEntry } from './entry.ts'

export const syntaxErrors = {
  'yaml-syntax': {
    title: 'the text is not valid YAML',
    why: 'What cannot be read cannot be judged.',
    fix: 'Correct it at the place named; indentation is by spaces, never tabs.',
  },
  'json-syntax': {
    title: 'the text is not valid JSON',
    why: 'What cannot be read cannot be judged.',
    fix: 'Correct it at the place named, or save the file as .yaml.',
  },
  'duplicate-key': {
    title: 'a key is written twice in one mapping',
    why: 'Readers disagree on which of the two counts.',
    fix: 'Remove one of them.',
  },
  'yaml-alias': {
    title: 'anchors, aliases and merge keys are not accepted',
    why: 'They let a few lines stand for gigabytes, and they hide what a policy says from the person who reviews it.',
    fix: 'Write the value out.',
  },
  'yaml-tag': {
    title: 'tags are not accepted',
    why: 'A tag changes what a value is behind the back of the person who reads it.',
    fix: 'Remove the tag; quote the value if it should be text.',
  },
  'forbidden-character': {
    title: 'a control character or other invisible character',
    why: 'It can hide text from reviewers or drive the terminal of whoever prints it.',
    fix: 'Remove it.',
  },
  'too-deep': {
    title: 'values are nested deeper than any document needs',
    why: 'Deep nesting exhausts the reader of a file, and no field is that deep.',
    fix: 'Remove the nesting.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>
