// Results leave through here and nowhere else: workspaces submit, and only what was approved is shown at the published address.
import { bodyOf, serve } from './http.mjs'

const results = []

serve(8080, {
  'POST /submit': async (_url, request) => {
    const { study, title } = await bodyOf(request)
    if (typeof study !== 'string' || typeof title !== 'string') throw new Error('a result has a study and a title')
    results.push({ id: results.length + 1, study, title, approved: false })
    return { id: results.length, approved: false }
  },
  'GET /': () => ({ approved: results.filter((result) => result.approved), waiting: results.filter((result) => !result.approved).length }),
})
