/** One error of the catalogue, as people read it. */
export interface CatalogueEntry {
  /** What is wrong, in one line. */
  readonly title: string
  /** Why it cannot stand. */
  readonly why: string
  /** What the reader does about it. */
  readonly fix: string
}
