/** Routes that lead where their policy does not. */
import { quote } from '../../base/diagnostic.ts'
import { selectedWorkloads } from './ports.ts'
import type { Diagnostic } from '../../base/diagnostic.ts'
import type { IngressPolicy, Platform, Route, Workload } from '../platform.ts'

type Known = Pick<Platform, 'workloads' | 'groups' | 'ingressPolicies'>

/** Each route leads to one port of the policy, at destinations of the policy. */
export function routesOutside(platform: Known): readonly Diagnostic[] {
  const select = selectedWorkloads(platform)
  return platform.ingressPolicies.flatMap((policy) => {
    if (policy.gateway.kind !== 'proxy') return []
    const destinations = policy.destination.flatMap(select)
    return policy.gateway.proxy.routes.flatMap((route) => {
      const problem = outside(policy, route, destinations)
      return problem === undefined ? [] : [{ severity: 'error', at: policy.at, ...problem } as const]
    })
  })
}

function outside(policy: IngressPolicy, route: Route, destinations: readonly Workload[]): Pick<Diagnostic, 'code' | 'message' | 'help'> | undefined {
  const of = `the route ${quote(route.prefix ? `${route.path}*` : route.path)} of ${quote(policy.name)}`
  if (route.destination !== undefined && !destinations.some((w) => w.id === route.destination)) {
    return { code: 'route-destination', message: `${of} leads to ${quote(route.destination)}, which is not one of its destinations`, help: 'add the workload to `destination` of the policy, or lead the route to one that is there' }
  }
  const [only, ...more] = policy.traffic.ports
  const single = only !== undefined && more.length === 0 && (only.kind === 'name' || (only.kind === 'range' && only.from === only.to))
  if (route.port === undefined) {
    return single ? undefined : { code: 'route-port', message: `${of} does not say which of the policy's ports it leads to`, help: 'write `port` in the route, or one port in the policy' }
  }
  const here = route.destination === undefined ? destinations : destinations.filter((w) => w.id === route.destination)
  if (opens(policy, route.port, here)) return undefined
  const port = route.port.kind === 'number' ? String(route.port.port) : route.port.name
  return { code: 'route-port', message: `${of} leads to the port ${quote(port)}, which the policy does not open`, help: 'write the port in the policy too, or another one in the route' }
}

/** Whether the policy opens the route's port at one of these at least. */
function opens({ traffic }: IngressPolicy, port: NonNullable<Route['port']>, destinations: readonly Workload[]): boolean {
  const named = (name: string): readonly number[] => destinations.flatMap((w) => w.ports.flatMap((p) => (p.name === name && p.protocol === 'tcp' ? [p.port] : [])))
  const numbers = port.kind === 'number' ? [port.port] : named(port.name)
  return traffic.ports.some((item) => {
    if (item.kind === 'any') return numbers.length > 0
    if (item.kind === 'range') return numbers.some((n) => n >= item.from && n <= item.to)
    return (port.kind === 'name' && port.name === item.name && numbers.length > 0) || numbers.some((n) => named(item.name).includes(n))
  })
}
