/** Where an instance lives, for everything that acts on it. */
export interface Setting {
  readonly folder: string
  readonly mode: 'sandbox' | 'host'
  /** What our named namespaces begin with: nothing in a sandbox, which has no others. */
  readonly prefix: string
}
