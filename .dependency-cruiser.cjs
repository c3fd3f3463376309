/**
 * The order of the folders, and what stays out of the pure ones. A folder may import only folders before it in `order`.
 * test/structure/layering.test.ts runs this and makes sure that every file is covered.
 */
const order = ['base', 'net', 'model', 'intent', 'analysis', 'import', 'engines', 'verify', 'identity', 'host', 'observe', 'audit', 'control', 'cli']
const test = '\\.test\\.ts$|/testing(/|\\.ts$)|/arbitrar(y|ies)\\.ts$'
const pure = '^src/index\\.ts$|^src/(net|model|intent|analysis|import)/|^src/engines/[^/]+/(render|lower|delta|atoms|permits|read|ids|capabilities|inventory)(\\.ts$|/)'
/** The library, which other programs import: it stands above the folders that it offers and, like them, works on values alone. */
const library = '^src/index(\\.test)?\\.ts$'
/** Files that are started, not imported, and the library. */
const entries = '^src/index\\.ts$|^src/cli/[a-z]*-?main\\.ts$|^src/verify/live/prober\\.ts$'

const forward = order.slice(0, -1).map((folder, index) => ({
  name: `order-${folder}`,
  comment: `\`${folder}\` stands before the folder it imports`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: `^src/(${order.slice(index + 1).join('|')})/` },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...forward,
    {
      name: 'known-folder',
      comment: 'every file under src belongs to a folder of the order',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/(${order.join('|')})/|${library}` },
      to: {},
    },
    {
      name: 'inside-src',
      comment: 'what ships does not import tests, benchmarks or examples',
      severity: 'error',
      from: { path: '^src/', pathNot: test },
      to: { path: '^(test|bench|examples|docs|bin)/' },
    },
    {
      name: 'testing-for-tests',
      comment: 'generators and other test support are for tests alone',
      severity: 'error',
      from: { path: '^src/', pathNot: test },
      to: { path: `^src/.*(${test})` },
    },
    {
      name: 'engines-apart',
      comment: 'engines do not know each other',
      severity: 'error',
      from: { path: '^src/engines/([^/]+)/' },
      to: { path: '^src/engines/[^/]+/', pathNot: '^src/engines/$1/' },
    },
    {
      name: 'second-opinion',
      comment: 'the reference evaluator shares nothing with what it checks, not even through others',
      severity: 'error',
      from: { path: '^src/verify/reference(-request)?(\\.ts$|/)' },
      to: { path: '^src/(intent|analysis|engines)/', reachable: true },
    },
    {
      name: 'verification-apart',
      comment: 'what compares artefacts with the documents decides by the reference, never by the Intent',
      severity: 'error',
      from: { path: '^src/verify/', pathNot: test },
      to: { path: '^src/(intent|analysis)/|^src/engines/[^/]+/(render|lower)(\\.ts$|/)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'read-apart',
      comment: 'what reads an artefact back is written from the engine\'s documentation, not from what renders it',
      severity: 'error',
      from: { path: '^src/engines/[^/]+/read(\\.ts$|/)' },
      to: { path: '^src/engines/[^/]+/(render|lower)(\\.ts$|/)', reachable: true },
    },
    {
      name: 'library-below',
      comment: 'the library offers what answers questions, and nothing that runs anything',
      severity: 'error',
      from: { path: '^src/index\\.ts$' },
      to: { path: '^src/', pathNot: '^src/(base|net|model|intent|analysis|import)/' },
    },
    {
      name: 'pure',
      comment: 'what decides and what renders works on values alone',
      severity: 'error',
      from: { path: pure, pathNot: test },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'one-home-for-processes',
      comment: 'processes are started by src/base/process.ts alone',
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/base/process\\.ts$|${test}` },
      to: { path: '^(node:)?(child_process|cluster)$' },
    },
    { name: 'no-circular', comment: 'no file imports itself by any way round', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'in-use',
      comment: 'every file is reached from the command, from a program of its own, or is a second opinion for tests',
      severity: 'error',
      from: { path: entries },
      to: { path: '^src/', pathNot: `${test}|${entries}|^src/verify/reference(-request)?(\\.ts$|/)|^src/engines/(envoy|nats)/read(\\.ts$|/)`, reachable: false },
    },
    {
      name: 'no-orphans',
      comment: 'no file stands alone',
      severity: 'error',
      from: { orphan: true },
      to: {},
    },
    {
      name: 'resolvable',
      comment: 'every import leads to a file or an installed package',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-packages',
      comment: 'what ships uses only packages that package.json lists under `dependencies`',
      severity: 'error',
      from: { path: '^src/', pathNot: test },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-peer', 'npm-optional', 'npm-bundled'] },
    },
  ],
  options: {
    // Types bind too: an import of a type alone is an import.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
