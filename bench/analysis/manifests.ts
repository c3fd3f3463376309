/** Manifests of clusters that look like real ones: teams' namespaces behind a default deny, layered services, ways to a few shared ones and outside. */
const perNamespace = 20
const layersOfTeam = ['web', 'api', 'job', 'db'] as const

/** Files of one namespace each; `policies` in all, the default deny of each namespace among them. */
export function randomManifests(workloads: number, policies: number, seed = 1): ReadonlyMap<string, string> {
  const next = numbers(seed)
  const namespaces = Math.max(1, Math.round(workloads / perNamespace))
  const documents = new Map<string, string[]>(Array.from({ length: namespaces }, (_, n) => [`team-${n}`, [namespace(n), denyAll(n)]]))
  for (let i = 0; i < workloads; i++) documents.get(`team-${i % namespaces}`)?.push(deployment(i, i % namespaces))
  for (let p = namespaces; p < policies; p++) {
    const n = next(namespaces)
    const mine = (): string => `app-${n + namespaces * next(Math.max(1, Math.floor(workloads / namespaces)))}`
    documents.get(`team-${n}`)?.push(policy(p, n, mine(), rule(next, namespaces, mine())))
  }
  return new Map([...documents].map(([name, list]) => [`${name}.yaml`, list.join('---\n')]))
}

function namespace(n: number): string {
  return `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team-${n}\n  labels:\n    team: "t${n}"\n    shared: "${n % 50 === 0 ? 'yes' : 'no'}"\n`
}

function denyAll(n: number): string {
  return `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: default-deny\n  namespace: team-${n}\nspec:\n  podSelector: {}\n  policyTypes:\n  - Ingress\n  - Egress\n`
}

function deployment(i: number, n: number): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-${i}
  namespace: team-${n}
spec:
  replicas: 2
  selector:
    matchLabels:
      app: app-${i}
  template:
    metadata:
      labels:
        app: app-${i}
        layer: ${layersOfTeam[i % 4] ?? 'web'}
    spec:
      containers:
      - name: main
        image: registry.example/app:${i}
        ports:
        - name: http
          containerPort: ${8000 + (i % 50)}
        - name: dns
          containerPort: 53
          protocol: UDP
`
}

function policy(p: number, n: number, app: string, rules: string): string {
  return `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: p-${p}\n  namespace: team-${n}\nspec:\n  podSelector:\n    matchLabels:\n      app: ${app}\n${rules}`
}

function rule(next: (below: number) => number, namespaces: number, peer: string): string {
  const ports = ['  - port: http', '  - port: 8000\n      endPort: 8049', '  - port: 53\n      protocol: UDP', '  - port: 443\n    - port: 8443'][next(4)] ?? ''
  const kind = next(100)
  const [types, list, end] = kind % 2 === 0 ? ['Ingress', 'ingress', 'from'] : ['Egress', 'egress', 'to']
  const same = `podSelector:\n        matchLabels:\n          app: ${peer}`
  const layer = `podSelector:\n        matchExpressions:\n        - key: layer\n          operator: In\n          values: [${layersOfTeam[next(4)] ?? 'web'}]`
  const other = `namespaceSelector:\n        matchLabels:\n          team: "t${next(namespaces)}"\n      podSelector:\n        matchLabels:\n          layer: ${layersOfTeam[next(4)] ?? 'web'}`
  const block = `ipBlock:\n        cidr: 198.${18 + next(2)}.${next(8) * 32}.0/19`
  const who = kind < 50 ? same : kind < 75 ? layer : kind < 96 ? other : block
  return `  policyTypes:\n  - ${types ?? ''}\n  ${list ?? ''}:\n  - ${end ?? ''}:\n    - ${who}\n    ports:\n  ${ports}\n`
}

/** The same numbers on every machine (a linear congruence modulo 2^32). */
function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
