/** Text inside XML and HTML. */
import { escapeText } from '../base/diagnostic.ts'

/** Nothing in it is markup any more, in content as in a quoted attribute. Line breaks stay. */
export function escapeXml(text: string): string {
  return text.split('\n').map(escapeText).join('\n').replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
