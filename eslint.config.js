import tseslint from 'typescript-eslint'

/** What decides and what renders works on values alone: no clock, no chance, no process, no network. */
const pure = ['net', 'model', 'intent', 'analysis', 'import'].map((folder) => `src/${folder}/**/*.ts`)
const pureEngineFiles = ['render', 'lower', 'delta', 'atoms', 'permits', 'read', 'ids', 'capabilities', 'inventory']
const tests = ['**/*.test.ts', '**/testing/**', '**/testing.ts', '**/arbitraries.ts', '**/arbitrary.ts']

export default tseslint.config(
  { ignores: ['node_modules/**', 'docs/**'] },
  ...tseslint.configs.recommended,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['*.js'] } } },
    files: ['**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: ['test', 'describe', 'it'] }],
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      eqeqeq: 'error',
      'no-duplicate-case': 'error',
      'no-dupe-else-if': 'error',
      'no-self-compare': 'error',
      'no-unreachable': 'error',
      'no-constant-binary-expression': 'error',
      'no-useless-return': 'error',
    },
  },
  {
    files: [...pure, ...pureEngineFiles.flatMap((name) => [`src/engines/*/${name}.ts`, `src/engines/*/${name}/**/*.ts`])],
    ignores: tests,
    rules: {
      'no-restricted-globals': [
        'error',
        ...['process', 'Buffer', 'console', 'fetch', 'setTimeout', 'setInterval', 'setImmediate', 'performance', 'crypto'].map((name) => ({
          name,
          message: 'this folder works on values alone',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'take the instant as a parameter' },
        { object: 'Math', property: 'random', message: 'this folder is deterministic' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'take the instant as a parameter' },
      ],
    },
  },
  { files: ['**/*.cjs'], languageOptions: { globals: { module: 'writable' } } },
)
