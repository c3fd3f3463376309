/** The real Envoy goes out through a real forwarding proxy: what policies allow, in the forms that such a proxy serves, and nothing else. */
import { onStage } from './lib/gateway-stage.ts'

const { outcomes } = onStage('gateway-proxy-main.ts')

outcomes('TLS goes by CONNECT to the name of the handshake, whatever address the client chose', {
  'TLS': ['pypi: hello', 'CONNECT pypi.org:443'],
  'TLS to another name': ['closed'],
})
outcomes('plain HTTP goes as a whole URL, with the port of the connection', {
  'a request': ['200 mirror', 'GET http://mirror.example.org:80/simple/x?a=b'],
  'a request on another port': ['200 mirror-8080', 'GET http://mirror.example.org:8080/simple/x'],
  'a request with the port in its host': ['200 mirror-8080', 'GET http://mirror.example.org:8080/simple/x'],
})
outcomes('the proxy is asked for nothing that no policy allows', {
  'a request whose host names another port': ['404'],
  'another method': ['404'],
  'another path': ['404'],
  'another host': ['404'],
  'a whole URL of its own': ['404'],
  'CONNECT of its own': ['404'],
})
outcomes('neither the proxy nor the site gets headers of the client\'s that are for them', { 'what of the client the site sees': [] })
