/** What documents say of one another. */
import type { CatalogueEntry } from './entry.ts'

export const documentErrors = {
  'unknown-reference': {
    title: 'a reference to something that no document declares',
    why: 'A policy on a name that does not exist opens nothing now and something unforeseen later.',
    fix: 'Correct the name, or add the document that declares it.',
  },
  'unknown-port-name': {
    title: 'a port name that no destination declares',
    why: 'The policy would open nothing.',
    fix: 'Declare the port under `ports` of the destination, or write its number.',
  },
  'ambiguous-enclave': {
    title: 'more than one enclave holds both names',
    why: 'The bare form belongs to the one enclave that holds both of its names.',
    fix: 'Write a full ServicePolicy with `metadata.enclave`.',
  },
  'crosses-enclaves': {
    title: 'a policy that crosses enclaves',
    why: 'Both owners have to agree to a path between them.',
    fix: 'Write a FederationPolicy on each side: one exports, the other imports.',
  },
  'not-an-external': {
    title: 'the far end is not an External',
    why: 'Ingress and egress policies join an enclave to the outside; between workloads there are ServicePolicy and FederationPolicy.',
    fix: 'Name an External as `external:NAME`.',
  },
  'half-not-owned': {
    title: 'a half of a federation that belongs to the other side',
    why: 'An enclave may offer its own workloads and let its own workloads out, and nobody else\'s.',
    fix: 'Import for your own sources, export your own destinations; the other side writes its half.',
  },
  'half-inside-enclave': {
    title: 'a federation that stays inside one enclave',
    why: 'There is no boundary to cross; the half could never be met.',
    fix: 'Write a ServicePolicy.',
  },
  'mixed-halves': {
    title: 'one file holds the federation policies of two enclaves',
    why: 'Whoever may write this file could agree with themselves on behalf of both.',
    fix: 'Give each enclave a file of its own.',
  },
  'not-entitled': {
    title: 'an environment uses an isolation segment it is not entitled to',
    why: 'Segments are pools of hosts that their owner gives to named environments.',
    fix: 'Add the environment to `entitled` of the IsolationSegment, or use another segment.',
  },
  'telemetry-without-risk': {
    title: 'egress to telemetry without a RiskRecord in force',
    why: 'Software that phones home takes data out; someone has to have accepted that, until a date.',
    fix: 'Write a RiskRecord for the External, or remove the policy.',
  },
  'published-conflict': {
    title: 'one published address and port leads to two destinations',
    why: 'Which of the two answers would be left to chance.',
    fix: 'Publish one of them at another address or port.',
  },
  'published-inside': {
    title: 'a published address inside the addresses of workloads',
    why: 'Published addresses answer from outside only; workloads use private ones.',
    fix: 'Publish an address outside the Platform\'s `addresses`.',
  },
  'encryption-needs-tcp': {
    title: 'encryption is required of what mutual TLS cannot carry',
    why: 'Only tcp travels inside mutual TLS; the rest would stay closed, or be open in the clear.',
    fix: 'Write `protocol: tcp`, or a policy of its own for what need not be encrypted.',
  },
  'route-host': {
    title: 'a route for a host that the policy does not serve',
    why: 'No request could ever take that route.',
    fix: 'Use one of the policy\'s `hosts`, or add the name to them.',
  },
  'route-caller': {
    title: 'a route asks for something about callers that the policy\'s authentication does not establish',
    why: 'Claims come from tokens and identities from certificates; without them nobody could take the route.',
    fix: 'Use `claims` with `jwt` or `oidc`, and `identities` with `mtls`.',
  },
  'route-destination': {
    title: 'a route to a workload that its policy does not name',
    why: 'Routing chooses among the destinations of a policy; it opens none.',
    fix: 'Add the workload to `destination` of the policy, or lead the route elsewhere.',
  },
  'route-port': {
    title: 'a route to a port that its policy does not open, or to no one port',
    why: 'A request is led to one port, and only to one that the policy opens.',
    fix: 'Write one port in the policy, or a `port` of the policy in the route.',
  },
  'ingress-conflict': {
    title: 'two policies that one gateway cannot serve at once',
    why: 'A connection has one handshake and a request leads to one place; a name and its paths belong to one enclave.',
    fix: 'Give one of them hosts or paths of its own, or make them agree.',
  },
  'unknown-subject': {
    title: 'a caller whose certificate nobody here can check',
    why: 'The platform\'s own authority certifies SPIFFE IDs of its trust domain, and Peers those of theirs.',
    fix: 'Name a `caFile`, or write a SPIFFE ID of this platform or of a Peer.',
  },
  'encryption-undone': {
    title: 'what one policy requires to be encrypted, another opens in the clear',
    why: 'The path stays open in the clear when the policy that requires encryption ends or leaves.',
    fix: 'Write `encryption: required` in the other policy too, or remove what they share from it.',
  },
  'gateway-missing': {
    title: 'a policy that needs the inbound gateway, and the Platform names no address for it',
    why: 'Host names and Peers come in by the gateway alone, so the policy opens nothing.',
    fix: 'Write `gateway: {addresses: [...]}` in the Platform document.',
  },
  'proxy-passed-over': {
    title: 'a gateway reaches somebody outside directly although the Platform has an `egressProxy`',
    why: 'The proxy carries what workloads ask for outside by name. The gateways themselves connect to Peers and issuers of tokens, so a site that lets out only its proxy cuts them off.',
    fix: 'Let the gateways reach the Peer or the issuer directly; for an issuer, `jwksFile` in place of `jwksUri` needs no connection.',
  },
  'source-without-cidrs': {
    title: 'a published address whose source External has no CIDRs',
    why: 'Before any handshake only an address tells who is calling.',
    fix: 'Give the External `cidrs`, or publish through a gateway with `hosts`.',
  },
  'cyclic-group': {
    title: 'groups that contain each other',
    why: 'Who is a member would have no answer.',
    fix: 'Remove one of the groups from the other.',
  },
  'one-sided-membership': {
    title: 'only one side agreed to a group membership',
    why: 'A group may not pull a workload in, and a workload may not push itself in; until both agree nothing is opened.',
    fix: 'List the workload under `members` of the Group and the group under `groups` of the Workload.',
  },
  'one-sided-half': {
    title: 'a federation half that no other half meets',
    why: 'Nothing is open until the other side agrees; perhaps the two do not mean the same workloads or ports.',
    fix: 'Ask the owner of the other enclave to write its half.',
  },
  'expired-policy': {
    title: 'a policy that has expired',
    why: 'It opens nothing any more.',
    fix: 'Remove it, or set a new `expires` if the path is still needed.',
  },
  'expires-soon': {
    title: 'a policy or an accepted risk that ends soon',
    why: 'What it opens closes by itself at that instant, and its connections end.',
    fix: 'Decide now whether it is still needed; set a new instant, or let it end.',
  },
  'opens-nothing': {
    title: 'a policy that opens no path',
    why: 'Somebody believes that it does something.',
    fix: 'Correct its ends or its ports, or remove it.',
  },
  'contained': {
    title: 'a policy that opens nothing that others do not open',
    why: 'Removing it closes nothing, and removing one of the others closes less than it seems.',
    fix: 'Remove it, or the wider ones.',
  },
  'selects-nothing': {
    title: 'a reference that selects no workload',
    why: 'It means nobody today, and silently somebody tomorrow.',
    fix: 'Correct the labels or the name, or remove the reference.',
  },
  'undeclared-port': {
    title: 'a policy names a port that no destination declares',
    why: 'Nothing serves it; whatever listens there one day is open already.',
    fix: 'Correct the port, or declare it in the Workload.',
  },
  'wider-than-declared': {
    title: 'a policy opens more ports than a destination declares',
    why: 'What happens to listen there is open to everyone whom the policy names.',
    fix: 'Name the ports, preferably by the names that the Workload gives them.',
  },
  'group-edge': {
    title: 'a path crosses the edge of a group',
    why: 'Members of a group talk among themselves and thereby to nobody else, unless the group itself lists the exception.',
    fix: 'Add an exception to the Group, or remove the path.',
  },
  'restricted-segment': {
    title: 'egress out of a restricted segment',
    why: 'Workloads on a segment with `egress: restricted` reach nothing beyond their Stack and its peered networks.',
    fix: 'Place the workload on another segment, or narrow the policy to an External inside.',
  },
  'equal-priorities': {
    title: 'two cluster-wide policies of one priority judge the same pods',
    why: 'Kubernetes does not define which of them decides, so nobody can say what they allow together.',
    fix: 'Give them different priorities.',
  },
  'not-carried': {
    title: 'a path of the manifests that the import leaves closed',
    why: 'The nearest document would open more than the manifests do; a closed path is reported, a wider one would go unnoticed.',
    fix: 'Write a document for it if the path is needed.',
  },
  'guardrail-broken': {
    title: 'a guardrail does not hold',
    why: 'A Guardrail is what has to be true of every set of policies.',
    fix: 'Remove one of the paths of the chain shown.',
  },
  'isolation-unmet': {
    title: 'an environment is less separate from another owner\'s than it asks for',
    why: '`isolation` is the least that an environment asks for; what its owner was promised must hold of every set.',
    fix: 'Move one of the two, close the path, or ask for less.',
  },
  'isolation-open': {
    title: 'the documents do not show that an environment is as separate as it asks for',
    why: 'Where nobody says on which hosts workloads run, two owners may meet on one.',
    fix: 'Assign the workloads in Host documents, or give one environment a segment or a stack of its own.',
  },
  'policy-test-failed': {
    title: 'a policy test fails',
    why: 'The set does not allow or deny what its authors said it does.',
    fix: 'Correct the policies, or the test if it is out of date.',
  },
  'invalid-set': {
    title: 'the documents have problems',
    why: 'One invalid document rejects the set: what is in force stays.',
    fix: 'Run `bulkhead check` on the folder and correct what it names.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>
