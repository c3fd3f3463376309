import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { normalPath } from './http-path.ts'

/** As Envoy 1.40 answered them with normalised paths, merged slashes and refused escaped slashes; `-` is its 400. */
const seen: readonly (readonly [target: string, path: string])[] = [
  ['/a/b', '/a/b'], ['/a//b', '/a/b'], ['//a/b', '/a/b'], ['/a/./b', '/a/b'], ['/a/../b', '/b'], ['/../b', '/b'], ['/a/..', '/'], ['/a/.', '/a/'],
  ['/a/b/..', '/a/'], ['/a//../b', '/a/b'], ['/a///../b', '/a/b'], ['/a/b//..', '/a/b/'], ['/a/...', '/a/...'], ['/a/...;/b', '/a/...;/b'],
  ['/a%2fb', '-'], ['/a%2Fb', '-'], ['/a%5Cb', '-'], ['/a%5cb', '-'], ['/a%00b', '-'], ['/a/b/%2e%2e%2fc', '-'], ['/a#b', '-'], ['/a?b#c', '-'],
  ['/\u00e9', '-'], ['*', '-'], ['', '-'], ['/a\u007fb', '-'], ['/a\u0001b', '-'], ['/a b', '-'],
  ['/a\\b', '/a/b'], ['/x/y/..\\b', '/x/b'], ['/x/\\y', '/x/y'],
  ['/a/%2e%2e/b', '/b'], ['/a/.%2e/b', '/b'], ['/a/%2e.', '/'], ['/%2e%2e', '/'], ['/a/%2E/b', '/a/b'], ['/a%2e', '/a.'],
  ['/%61dmin', '/admin'], ['/%7ex', '/~x'], ['/%2d%5f%2E%7e%30', '/-_.~0'], ['/a%41', '/aA'], ['/a%20b', '/a%20b'], ['/a%2Cb', '/a%2Cb'], ['/a%2Bb', '/a%2Bb'],
  ['/%3b%3a%40%21%24%26%28%29', '/%3b%3a%40%21%24%26%28%29'], ['/%c3%a9', '/%c3%a9'], ['/%C3%A9', '/%C3%A9'], ['/a%80', '/a%80'], ['/%25', '/%25'], ['/a%2541', '/a%2541'], ['/a%252fb', '/a%252fb'],
  ['/a"b', '/a%22b'], ['/a<b>', '/a%3Cb%3E'], ['/a{b}', '/a%7Bb%7D'], ['/a|b', '/a%7Cb'], ['/a^b', '/a%5Eb'], ['/a`b', '/a%60b'], ['/[x]', '/[x]'],
  ["/a'b(c)!*@:$&+,=", "/a'b(c)!*@:$&+,="], ['/a;x=1/b', '/a;x=1/b'], ['/a/;/b', '/a/;/b'],
  ['/..;/b', '/b'], ['/x/a/..;/b', '/x/b'], ['/a/.;/b', '/a/b'], ['/x/a/..;x/b', '/x/b'], ['/a/..;', '/'], ['/x/.;', '/x/'], ['/a/b/.;x=1', '/a/b/'], ['/x/..;..', '/'], ['/x/a/..;%2e/b', '/x/b'], ['/a/b;/..', '/a/'],
  ['/x/a/..%3b/b', '/x/a/..%3b/b'], ['/a?x=/../y', '/a'], ['/a/..?x', '/'], ['/x?a%2fb', '/x'], ['/x?%zz', '/x'],
]

for (const [target, path] of seen) test(`the path of ${JSON.stringify(target)} is ${path}`, () => assert.equal(normalPath(target) ?? '-', path))

/** Envoy hands these on as they are; the gateway has a route of its own that refuses them. */
for (const target of ['/a%zz', '/a%', '/a%2', '/a%0ab', '/a%1Fb', '/a%7fb', '/x/a/%2e%2e;/b', '/x/a/.%2e;/b', '/x/a/%2e;/b', '/a%%32%66b', '/a%2%46b']) {
  test(`${target} is refused, for a server behind might read it in another way`, () => assert.equal(normalPath(target), undefined))
}

test('a normal path is its own normal form, and never leaves where it seems to be', () => {
  const piece = fc.constantFrom('/', '/', '.', '..', '%2e', 'a', 'B', ';', '\\', '%61', '%2F', '%20', '"', '?', '%25', '%')
  fc.assert(fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
    const path = normalPath(`/${pieces.join('')}`)
    if (path === undefined) return
    assert.equal(normalPath(path), path)
    assert.doesNotMatch(path, /\/\/|\\|\/\.{1,2}(?:\/|;|$)/)
  }), { numRuns: 5000 })
})
