/** Reading files. */
import type { CatalogueEntry } from './entry.ts'

export const filesErrors = {
  'file-not-found': {
    title: 'the path given does not exist',
    why: 'An empty folder is a valid set that denies everything, so a mistyped path must not look like one.',
    fix: 'Name an existing file or folder.',
  },
  'file-unreadable': {
    title: 'a file or folder cannot be read',
    why: 'A set is judged whole; a file left out could change what the rest means.',
    fix: 'Give the user that runs the command the right to read it, or move it out of the folder.',
  },
  'file-too-large': {
    title: 'a file is larger than 4 MiB',
    why: 'Documents are written by people; a file of this size is a mistake or an attack, and reading it costs everyone memory.',
    fix: 'Split the file, or move what is not a document out of the folder.',
  },
  'set-too-large': {
    title: 'the files are larger than 64 MiB together, or more than 10,000',
    why: 'One set must fit in memory many times over, on small hosts too.',
    fix: 'Point at the folder that holds the documents, not at one above it.',
  },
  'not-utf8': {
    title: 'a file is not UTF-8 text',
    why: 'In another encoding the same bytes are other names, and what is checked would not be what was written.',
    fix: 'Save the file as UTF-8.',
  },
  'symlink-loop': {
    title: 'symbolic links lead in a circle',
    why: 'Following it would never end.',
    fix: 'Remove the link.',
  },
  'symlink-outside': {
    title: 'a symbolic link leaves the folder',
    why: 'What is reviewed in the folder must be all that is loaded.',
    fix: 'Copy the file into the folder, or name the other folder itself.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>
