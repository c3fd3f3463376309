// A researcher's notebook: asks the study's API, and keeps a session with the model server open, idle, as tools do.
import { get } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { call, me, patiently, reason, serve } from './http.mjs'

serve(8888, {
  'GET /': async () => {
    const summary = await call('http://api-service:8080/summary')
    const { risk } = await call(`http://model-server.inference.internal:8000/predict?age=${summary.meanAge}&dose=${summary.meanDose}`)
    return { notebook: me, ...summary, risk }
  },
  'GET /submit': async () => {
    const { study, patients, meanAge } = await call('http://api-service:8080/summary')
    return call('http://airlock.platform.internal:8080/submit', { method: 'POST', body: { study, patients, meanAge } })
  },
  'GET /install': (url) => call(`http://package-mirror.platform.internal:8080/simple/${url.searchParams.get('package')}`),
})

/** Resolves to the open answer of a session in which nothing is ever said. */
function openSession() {
  return new Promise((done, fail) => {
    const request = get('http://model-server.inference.internal:8000/session', { agent: false, timeout: 2000 }, (response) => {
      request.setTimeout(0)
      done(response)
    })
    request.on('timeout', () => request.destroy(new Error('no answer'))).on('error', fail)
  })
}

function ended(session) {
  return new Promise((done) => {
    session.on('error', (error) => done(reason(error))).on('end', () => done('closed by model-server')).resume()
  })
}

for (;;) {
  const session = await patiently('model-server', openSession)
  console.log(`${me} opened a session with model-server`)
  console.log(`${me}: session with model-server ended: ${await ended(session)}`)
  await pause(500)
}
