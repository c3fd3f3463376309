/** A failure of operation that the user is told about: what happened and what to do, never a stack trace. */
import type { ErrorCode } from './catalogue.ts'

export class Fault extends Error {
  readonly code: ErrorCode
  readonly help: string | undefined

  /** `message` is lower case without a full stop; `help` says what to do when the message does not. */
  constructor(code: ErrorCode, message: string, options: { readonly help?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Fault'
    this.code = code
    this.help = options.help
  }
}

export function isFault(value: unknown): value is Fault {
  return value instanceof Fault
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
