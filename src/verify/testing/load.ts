/** Loads a generated set as a user's folder would be loaded; a set with any error gives no platform. */
import { restrictedEgress } from '../../intent/restricted.ts'
import { externalAddresses } from '../../intent/externals.ts'
import { selector } from '../../intent/select.ts'
import { loadPlatform } from '../../model/load.ts'
import type { DocumentSet } from './arbitrary-set.ts'
import type { Platform } from '../../model/platform.ts'

export function platformOf(set: DocumentSet): Platform | undefined {
  const { platform } = loadPlatform(set.files, { now: set.now })
  // The reference holds who is on a restricted segment inside whatever policies say; the intent of such a set is nobody's.
  return platform === undefined || restrictedEgress(platform, selector(platform), externalAddresses(platform)).length > 0 ? undefined : platform
}
