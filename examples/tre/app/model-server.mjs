// A model for both workspaces: a logistic formula over HTTP, and idle sessions that show who is cut when a path closes.
import { me, plain, serve } from './http.mjs'

const number = (url, name) => {
  const value = Number(url.searchParams.get(name))
  if (!Number.isFinite(value)) throw new Error(`${name} is not a number`)
  return value
}

serve(8000, {
  'GET /predict': (url) => {
    const score = 0.04 * (number(url, 'age') - 55) - 0.3 * (number(url, 'dose') - 2)
    return { model: 'risk-1', risk: Number((1 / (1 + Math.exp(-score))).toFixed(3)) }
  },
  'GET /session': (_url, request, response) => {
    const client = plain(request.socket.remoteAddress)
    response.writeHead(200, { 'content-type': 'text/plain' }).flushHeaders()
    let cause = 'closed'
    request.socket.on('error', (error) => { cause = error.code ?? error.message })
    request.socket.on('close', () => console.log(`${me}: session with ${client} ended: ${cause}`))
  },
})
