/** The few names, ports, addresses and instants that generated documents and flows are made of; few, so that they meet. */

/** The instant at which every generated set is read; `expires` lies before, at and after it. */
export const generatedNow = Date.UTC(2030, 0, 1)

export const instants: readonly string[] = [-86_400_000, -1, 0, 1, 3_600_000].map((offset) => new Date(generatedNow + offset).toISOString())

export const enclaveNames = ['alpha', 'beta', 'gamma']
export const workloadNames = ['api', 'db', 'web', 'job']
export const labelValues = ['front', 'back']
export const portNumbers = [443, 5432, 80, 8000, 8001, 8003, 1, 65_535]
export const portNames = ['http', 'data']

export const trustDomain = 'bulkhead.internal'

/** Inside every Stack's own and peered space, so that a restricted segment may reach it. */
export const stackCidrs = ['172.16.0.0/16', 'fd16::/48']
export const stackPeeredCidrs = ['172.20.0.0/24']
export const insideCidrs = ['172.16.4.0/24', '172.20.0.128/25', 'fd16::/64']

/** Plain ones first; then those that overlap what an External never means unless it says so. */
export const outsideCidrs = [
  '203.0.113.0/24', '203.0.113.128/25', '192.0.2.7/32', '2001:db8::/32', '0.0.0.0/0', '::/0', '198.51.100.0/24', '10.0.0.0/8',
  '169.254.0.0/16', '169.254.169.254/32', '127.0.0.0/8', '224.0.0.0/4', 'fd00::/8', 'fdbb:1::/48',
]
export const infrastructureCidrs = ['198.51.100.0/28', '2001:db8:ff::/64']

export const domains = ['pypi.org', '*.pypi.org', 'files.example.com', '*.example.com', '*.cdn.example.com']

/** Some lie inside `outsideCidrs`: an External that holds a published address is the case to get right. */
export const publishedAddresses = ['203.0.113.200', '192.0.2.10', '2001:db8:1::10']
/** Beside the published ones, so that no port of theirs is taken; the first lies inside an External's range. */
export const gatewayAddresses = ['198.51.100.77', '2001:db8:1::77']
export const publishedPorts = [443, 8443, 80]

export const peerNames = ['north', 'south']
export const peerEnclaves = ['lab', 'vault']
export const peerWorkloads = ['w1', 'w2']
