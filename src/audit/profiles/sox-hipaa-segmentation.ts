/**
 * What SOX and HIPAA ask of access and its control, as far as the network can answer. Neither names segmentation: it is how access
 * is limited. Places are cited; titles are the headings of the places in the Code of Federal Regulations, and ours elsewhere.
 */
import type { Profile } from './profile.ts'

const sox = 'Sarbanes-Oxley Act of 2002, section 404 (15 U.S.C. 7262)'
/** COBIT is not for everybody to read; what its practices are about was taken from public lists of them, and that is said. */
const cobit = (id: string): string => `${sox}, which names no framework; where COBIT is the one: management practice ${id} (taken from public lists of its practices, not compared with COBIT 2019 itself)`

export const soxHipaaSegmentation: Profile = {
  name: 'sox-hipaa-segmentation',
  about: 'Where SOX and HIPAA rely on limited access, and the network limits it. Neither law is met by a network alone.',
  controls: [
    {
      id: '164.308(a)(4)', title: 'Information access management', source: '45 CFR 164.308(a)(4)', ask: 'paths-are-approved',
      question: 'Was every path that is open given by a change with a reason or an approval?',
      remains: 'whether who approved was entitled to',
    },
    {
      id: '164.308(a)(8)', title: 'Evaluation', source: '45 CFR 164.308(a)(8)', ask: 'verified-recently', days: 90,
      question: 'Is the last technical verification younger than 90 days, and without a mismatch?',
    },
    {
      id: '164.312(a)(1)', title: 'Access control', source: '45 CFR 164.312(a)(1)', ask: 'outbound-denied-by-default',
      question: 'Is access between software denied unless a document grants it, and does no grant name the whole internet?',
      remains: 'which workloads hold electronic protected health information, and whether people are limited too',
    },
    {
      id: '164.312(b)', title: 'Audit controls', source: '45 CFR 164.312(b)', ask: 'changes-are-logged',
      question: 'Is every change in a log that shows when it is edited or cut, and that its owner alone can read?',
      remains: 'what systems record inside workloads',
    },
    {
      id: '164.312(e)(1)', title: 'Transmission security', source: '45 CFR 164.312(e)(1)', ask: 'inbound-is-encrypted',
      question: 'Does every way in from outside use TLS?',
      remains: 'whether what goes outward by address alone is encrypted',
    },
    {
      id: 'DSS05.02', title: 'Network and connectivity security', source: cobit('DSS05.02'), ask: 'verified-recently', days: 90,
      question: 'Was everything that is in force verified within 90 days, and found as the documents say?',
    },
    {
      id: 'DSS06.03', title: 'Roles, responsibilities and access', source: cobit('DSS06.03'), ask: 'environments-have-owners',
      question: 'Has every environment with workloads an owner?',
      remains: 'whether duties that conflict are with different people',
    },
    {
      id: 'BAI06.01', title: 'Changes are evaluated and authorized', source: cobit('BAI06.01'), ask: 'paths-are-approved',
      question: 'Was every path that is open given by a change with a reason or an approval?',
      remains: 'whether who approved was entitled to',
    },
    {
      id: 'SOX-scope', title: 'Systems in scope', source: sox, ask: 'person',
      question: 'Which workloads take part in financial reporting, and are they in enclaves of their own?',
      remains: 'the documents do not say what workloads are for',
    },
  ],
}
