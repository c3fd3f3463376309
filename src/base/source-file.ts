/** A text file that was read whole. */
export interface SourceFile {
  /** As shown to the user: relative to the folder that was read, or the path given. */
  readonly path: string
  /** For what a document names relative to itself. */
  readonly absolute: string
  readonly text: string
}
