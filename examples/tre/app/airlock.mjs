// Results leave through here and nowhere else. What a workspace submits is released only if it describes enough people that
// nobody can be recognised in it; released results are shown at the published address.
import { bodyOf, serve } from './http.mjs'

const fewestPatients = 10
const released = []

serve(8080, {
  'POST /submit': async (_url, request) => {
    const { study, patients, meanAge } = await bodyOf(request)
    if (typeof study !== 'string' || !Number.isInteger(patients)) throw new Error('a result has a study and a number of patients')
    if (patients < fewestPatients) throw new Error(`not released: fewer than ${fewestPatients} patients`)
    released.push({ study, patients, meanAge: Number(meanAge) })
    return { released: true, study, patients }
  },
  'GET /': () => ({ results: released }),
})
