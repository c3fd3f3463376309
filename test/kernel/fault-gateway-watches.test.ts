/** A real Envoy and the kernel's limit of watches: it ends beyond it, so it is given no more secrets than it can watch. */
import { onStage } from './lib/gateway-stage.ts'

const { outcomes } = onStage('gateway-watches-main.ts')

outcomes('Envoy takes one watch for each secret, and two for its own files', { 'one for each secret, and two': [0, 0] })
outcomes('with fewer watches Envoy ends, and its log says for want of what', { 'with fewer': { ended: true, said: true } })
outcomes('what is rendered within what the kernel grants runs, and the rest is refused by name', { 'within what is granted': true, 'refused': ['secret-files'] })
outcomes('the program reads what the kernel grants here', { 'what the program reads': { instances: 16, shared: true } })
