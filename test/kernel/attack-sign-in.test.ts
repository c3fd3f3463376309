/** The real Envoy signs people in with an identity provider, and nobody else. */
import { onStage } from './lib/gateway-stage.ts'

const { outcomes } = onStage('gateway-sign-in-main.ts')

outcomes('who has not signed in is sent to the issuer, with a proof of the browser that comes back', {
  'somebody who has not signed in': '302',
  'what the issuer is asked': {
    client_id: 'bulkhead', code_challenge_method: 'S256', redirect_uri: 'https://people.example.org:9443/oauth2/callback', response_type: 'code', scope: 'openid', nonce: null,
  },
})
outcomes('who comes back with a code is signed in, by cookies of this host alone that hold no token in clear', {
  'who comes back': ['302', 'https://people.example.org:9443/page?x=1'],
  'what the issuer was given': ['authorization_code', 'bulkhead', 'https://people.example.org:9443/oauth2/callback'],
  'cookies': ['true path=/;max-age;secure;httponly;samesite=lax'],
  'tokens in cookies': 0,
  'what is left of the way in': ['expires', 'identity', 'refresh', 'seal'],
})
outcomes('the workload learns who it is, and gets its own cookies and nothing of the session', {
  'somebody who has signed in': '200 api',
  'what the workload sees': ['cookie: mine=1; other=a b', 'x-bulkhead-identity: https://issuer.example.org#alice'],
})
outcomes('no other way back signs anybody in', {
  'a code for the second time': '401',
  'the way back of another browser': '401',
  'the way back without a browser': '401',
  "somebody else's code": '401',
  'a code that nobody gave': '401',
  'a state with another proof': '401',
  'a state that leads elsewhere': ['401', ''],
  'no state': '401',
})
outcomes('no other cookie is a session', {
  'a token in place of a session': '302',
  'a forged seal': '302',
  'a session that was made longer': '302',
  "somebody else's token in a session": '302',
  'a token in clear in a session': '302',
  'a session without its token': '302',
})
outcomes('who has signed in is judged by the claims and audience of the token', { 'somebody without the role': '403', 'a token for another service': '403' })
outcomes('a session is renewed while the issuer does, and ends with signing out', {
  'a session that has run out': ['200 api', 'refresh_token', true],
  'a session that the issuer does not renew': '302',
  'who signs out': ['302', 'https://people.example.org/', 0],
})
outcomes('records say why, and no secret, code or session is in a log or a configuration', {
  'reasons in the record': {
    refused: ['CSRF_token_validation_failed', 'Code_or_state_query_param_does_not_exist', 'Failed_to_get_access_token', 'State_url_host_is_not_in_the_allowed_redirect_domains'],
    done: ['oauth.logged_in', 'oauth.sign_out'],
  },
  'secrets in files that are no secrets': 0,
})
