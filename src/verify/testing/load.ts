/** Loads a generated set as a user's folder would be loaded; a set with any error gives no platform. */
import { loadPlatform } from '../../model/load.ts'
import type { DocumentSet } from './arbitrary-set.ts'
import type { Platform } from '../../model/platform.ts'

export function platformOf(set: DocumentSet): Platform | undefined {
  return loadPlatform(set.files, { now: set.now }).platform
}
