/** Names on the way out that are not what they say: first words of TLS made by hand, and requests. What follows is what the client got, and which server was reached. */
import { onStage } from './lib/gateway-stage.ts'

const { outcomes } = onStage('gateway-attack-outbound-main.ts')

const each = (names: readonly string[], ...value: readonly string[]): Record<string, unknown> => Object.fromEntries(names.map((name) => [name, value]))

outcomes('an allowed name is found in its first words however they are cut, and leads to itself', {
  ...each(['an allowed name', 'an allowed name in another case', 'a name below a pattern', 'an allowed name in records of ten bytes', 'an allowed name byte for byte'], 'answered', 'allowed'),
})
outcomes('any other name leads nowhere, and neither does one that only looks like an allowed one', {
  ...each(['another name', 'no name', 'a name with a dot at its end', 'a name with a line break', 'a name with a slash', 'a name with a colon', 'a name with a star', 'a name of dots', 'a name that only ends so', 'a name that only begins so', 'an address', 'an address of IPv6', 'an address inwards', 'localhost'], 'closed'),
})
outcomes('first words that are none, or name two servers, are taken for a bad request and reach nobody', {
  ...each([
    'an empty name', 'an empty list of names', 'an extension of names without a list', 'a name with a NUL behind', 'a name with a NUL before', 'a name beyond all lengths', 'two names, the allowed one first', 'two names, the allowed one last', 'two extensions of names', 'a name of another type',
    'plain bytes before the hello', 'a hello of SSL 2', 'a record that is no handshake',
  ], '400'),
})
outcomes('an encrypted hello leads to the server of its outer name, if that is allowed, and to no other', {
  ...each(['an encrypted hello behind another name', 'an encrypted hello behind no name'], 'closed'),
  ...each(['an encrypted hello behind an allowed name'], 'answered', 'allowed'),
})
outcomes('the port says which names count, not the protocol that is spoken there', {
  ...each(['plain HTTP where TLS is allowed'], '200', 'allowed'),
  ...each(['plain HTTP for an allowed name on its port'], '404'),
  ...each(['TLS where plain HTTP is allowed'], 'closed'),
})
outcomes('a request reaches the one host that it plainly names, or nobody', {
  ...each(['an allowed host', 'a forwarded host', 'an upgrade to h2c', 'a request in the body of another'], '200', 'mirror'),
  'what the mirror read of that': ['GET /simple/x'],
  ...each([
    'another host', 'a host with a user', 'a host with a user, ours last', 'a host with another port', 'an address for a host', 'an address of IPv6 for a host', 'an address as a number', 'a host inwards', 'localhost for a host', 'an empty host', 'two hosts', 'an absolute URI of another host', 'a path that climbs', 'CONNECT',
  ], '404'),
  ...each(['hosts in a list', 'a host with a path', 'a host with a fragment', 'a host with a NUL', 'a host with a tab', 'CL.TE'], '400'),
  ...each(['a WebSocket'], '403'),
  ...each(['HTTP/2 to another authority', 'HTTP/2 to an allowed authority with another host'], '404'),
  'connections to what is inside': 0,
})
