import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allows, read } from './read.ts'

const sound = (users: string, rest = ''): string => `listen: "0.0.0.0:4222"
tls { cert_file = "c", key_file = 'k'; ca_file: "b" # trust
  verify_and_map: true }
authorization { ${rest} users = [ ${users} ] }
`
const question = (text: string, action: 'publish' | 'subscribe', subject: string): boolean => allows(read(text), 'u', action, subject)

test('what is allowed is what the lists say, and what they do not say is open as for the server', () => {
  const rows: readonly (readonly [permissions: string, action: 'publish' | 'subscribe', subject: string, expected: boolean])[] = [
    ['{ publish: { allow: ["a.*"] } }', 'publish', 'a.b', true],
    ['{ publish: { allow: ["a.*"] } }', 'publish', 'a.b.c', false],
    ['{ publish: { allow: ["a.*"] } }', 'subscribe', 'anything', true],
    ['{ publish: "a.>" }', 'publish', 'a.b.c', true],
    ['{ publish: "a.>" }', 'publish', 'a', false],
    ['{ publish: [] }', 'publish', 'x', true],
    ['{ publish: { deny: ">" } }', 'publish', 'x', false],
    ['{ subscribe: { allow: ["a.>"], deny: ["a.b"] } }', 'subscribe', 'a.b', false],
    ['{ subscribe: { allow: ["a.>"], deny: ["a.b"] } }', 'subscribe', 'a.c', true],
    // The server takes a subscription to `a.>` where `a.*` is allowed.
    ['{ subscribe: { allow: ["a.*"] } }', 'subscribe', 'a.b.c', true],
    ['{ subscribe: { allow: ["a.*"], deny: ["a.*.>"] } }', 'subscribe', 'a.b.c', false],
    ['{ subscribe: { allow: ["a.*"], deny: ["a.*.>"] } }', 'subscribe', 'a.b', true],
  ]
  for (const [permissions, action, subject, expected] of rows) {
    assert.equal(question(sound(`{ user: "u", permissions: ${permissions} }`), action, subject), expected, `${permissions} ${action} ${subject}`)
  }
})

test('who is not listed may do nothing, and who is listed without permissions what is said for all', () => {
  const text = sound('{user: u}', 'default_permissions: { publish: { deny: ">" }, subscribe: "x" },')
  assert.deepEqual([question(text, 'publish', 'x'), question(text, 'subscribe', 'x'), question(text, 'subscribe', 'y')], [false, true, false])
  assert.equal(allows(read(text), 'somebody', 'subscribe', 'x'), false)
  assert.equal(question(sound('{user: u}'), 'publish', 'x'), true)
})

test('a configuration that lets in others is not taken for a closed one', () => {
  const user = '{ user: u, permissions: { publish: x, subscribe: x } }'
  for (const [text, why] of [
    [sound(user).replace('verify_and_map: true', 'verify: true'), /known by their certificates/],
    [sound(user).replace('ca_file: "b"', ''), /authority/],
    [sound(user).replace('users =', 'accounts ='), /nobody is asked/],
    [`${sound(user)}no_auth_user: u`, /no_auth_user/],
    [`${sound(user)}websocket { port: 80 }`, /websocket/],
    [sound(user.replace('publish: x', 'allow_responses: true')), /replies/],
  ] as const) {
    const reading = read(text)
    assert.match(reading.open.join('; '), why)
    assert.ok(allows(reading, 'anybody', 'publish', 'whatever'))
  }
  assert.deepEqual(read(sound(user)).open, [])
})

test('what is not understood is an error', () => {
  for (const text of ['a: $HOME', 'include other.conf', 'a: {', 'a: ]', '{ a: 1 }', 'a: 1, a: 2', 'a: "x', 'a: "\\x41"']) {
    assert.throws(() => read(text), SyntaxError, text)
  }
})
