/** The few names, ports, addresses and instants that generated documents and flows are made of; few, so that they meet. */

/** The instant at which every generated set is read; `expires` lies before, at and after it. */
export const generatedNow = Date.UTC(2030, 0, 1)

export const instants: readonly string[] = [-86_400_000, -1, 0, 1, 3_600_000, 7_200_000].map((offset) => new Date(generatedNow + offset).toISOString())

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
  'ff00::/8', '240.0.0.0/4', '198.18.0.0/15', '2001:db8:1::10/128', '198.51.100.77/32',
]
export const infrastructureCidrs = ['198.51.100.0/28', '2001:db8:ff::/64']

export const domains = ['pypi.org', '*.pypi.org', 'files.example.com', '*.example.com', '*.cdn.example.com']

/** Some lie inside `outsideCidrs`: an External that holds a published address is the case to get right. */
export const publishedAddresses = ['203.0.113.200', '192.0.2.10', '2001:db8:1::10']
/** The first lies inside an External's range. */
export const gatewayAddresses = ['198.51.100.77', '2001:db8:1::77']
export const publishedPorts = [443, 8443, 80]

/** Name servers, a proxy and hosts of issuers: in infrastructure, in an External's range, private, link-local and by name. */
export const upstreams = ['192.0.2.53', '[2001:db8::53]:5353', '198.51.100.5:54', '10.0.0.2', '169.254.169.253']
export const egressProxies = ['proxy.example.org:3128', '203.0.113.9:3128', '[2001:db8::9]:443', '198.51.100.3:80']
export const keyUris = ['https://id.example.org/keys', 'https://203.0.113.44:8444/keys', 'https://[2001:db8::44]/keys']

export const peerNames = ['north', 'south']
/** Beside names: in infrastructure, in an External's range, private, and one that is published. */
export const peerHosts = ['192.0.2.90', '[2001:db8::90]', '198.51.100.9', '172.16.9.9', '203.0.113.200']
export const peerEnclaves = ['lab', 'vault']
export const peerWorkloads = ['w1', 'w2']
