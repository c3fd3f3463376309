// Results leave through here and nowhere else. What a workspace submits is released only if it describes enough people that
// nobody can be recognised in it; released results are shown at the published address and in the portal.
import { bodyOf, serve } from './http.mjs'

const fewestPatients = 10
const released = []
const submitted = []

/** Only the gateway says who is asking: it lets nobody else's copy of this header through. */
const reader = (request) => request.headers['x-bulkhead-identity'] ?? 'nobody'

serve(8080, {
  'POST /submit': async (_url, request) => {
    const { study, patients, meanAge } = await bodyOf(request)
    if (typeof study !== 'string' || !Number.isInteger(patients)) throw new Error('a result has a study and a number of patients')
    submitted.push({ study, patients, released: patients >= fewestPatients })
    if (patients < fewestPatients) throw new Error(`not released: fewer than ${fewestPatients} patients`)
    released.push({ study, patients, meanAge: Number(meanAge) })
    return { released: true, study, patients }
  },
  'GET /': () => ({ results: released }),
  'GET /results': (_url, request) => ({ reader: reader(request), results: released }),
  'GET /submissions': (_url, request) => ({ reader: reader(request), submissions: submitted }),
})
