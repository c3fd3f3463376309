/** A profile: controls of a standard, each with the question that Bulkhead can ask for it. Data, built in or written by a user. */
import { z } from 'zod'
import { fields, nameText, optional, plainText, required } from '../../model/schema/fields.ts'

/** The closed set of questions; `questions.ts` answers each. */
export const asked = [
  'changes-are-logged', 'cluster-enforces', 'environments-have-owners', 'inbound-is-encrypted', 'inbound-through-gateway', 'outbound-denied-by-default', 'paths-are-approved',
  'person', 'projects-are-apart', 'projects-closed-to-outside', 'shared-hosts-are-segregated', 'telemetry-is-accepted', 'tests-pass', 'verified-recently',
] as const
export type Ask = (typeof asked)[number]

const withProjects: readonly Ask[] = ['projects-are-apart', 'projects-closed-to-outside', 'shared-hosts-are-segregated']

const control = fields({
  id: required(plainText, 'The number or name that the source gives it.'),
  title: required(plainText, 'What it is about, in a few words of your own.'),
  source: required(plainText, 'Where it is written: the document, its edition, the place in it.'),
  question: required(plainText, 'What is asked of documents, Intent and live state.'),
  ask: required(z.enum(asked), 'How that question is answered.'),
  projects: optional(z.array(nameText).min(2), 'The enclaves that are projects; when left out, those that a Guardrail keeps apart, else all.'),
  days: optional(z.int().min(1).max(3_650), 'With `verified-recently`: how old the last verification may be.', 30),
  prohibit: optional(z.boolean(), 'With `telemetry-is-accepted`: no telemetry at all, whoever accepts it.', false),
  remains: optional(plainText, 'What only a person can see, whatever the answer is.'),
}).check((context) => {
  const { ask, projects, days, prohibit } = context.value
  const wrong = (path: string, message: string): void => void context.issues.push({ code: 'custom', input: context.value, path: [path], params: { code: 'wrong-value', message }, continue: true })
  if (projects !== undefined && !withProjects.includes(ask)) wrong('projects', `does not go with \`ask: ${ask}\``)
  if (days !== undefined && ask !== 'verified-recently') wrong('days', `does not go with \`ask: ${ask}\``)
  if (prohibit !== undefined && ask !== 'telemetry-is-accepted') wrong('prohibit', `does not go with \`ask: ${ask}\``)
})

export const profileDocument = fields({
  apiVersion: z.literal('bulkhead.dev/v1'),
  kind: z.literal('Profile'),
  metadata: fields({ name: required(nameText, 'The profile\'s name.') }),
  spec: fields({
    about: required(plainText, 'What the profile is for, and what it is not.'),
    controls: required(z.array(control).min(1), 'In the order in which they are answered.'),
  }),
})

export type Control = z.infer<typeof control>

export interface Profile {
  readonly name: string
  readonly about: string
  readonly controls: readonly Control[]
}
