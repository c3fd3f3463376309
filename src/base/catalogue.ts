/**
 * Every error code there is. Codes are stable: scripts, SARIF rules and docs/errors.md (generated from here) rely on
 * them. A new code is one new entry.
 */

export interface CatalogueEntry {
  /** What is wrong, in one line. */
  readonly title: string
  /** Why it cannot stand. */
  readonly why: string
  /** What the reader does about it. */
  readonly fix: string
}

export const catalogue = {
  // --- reading files ---
  'file-not-found': {
    title: 'the path given does not exist',
    why: 'An empty folder is a valid set that denies everything, so a mistyped path must not look like one.',
    fix: 'Name an existing file or folder.',
  },
  'file-unreadable': {
    title: 'a file or folder cannot be read',
    why: 'A set is judged whole; a file left out could change what the rest means.',
    fix: 'Give the user that runs the command the right to read it, or move it out of the folder.',
  },
  'file-too-large': {
    title: 'a file is larger than 4 MiB',
    why: 'Documents are written by people; a file of this size is a mistake or an attack, and reading it costs everyone memory.',
    fix: 'Split the file, or move what is not a document out of the folder.',
  },
  'set-too-large': {
    title: 'the files are larger than 64 MiB together, or more than 10,000',
    why: 'One set must fit in memory many times over, on small hosts too.',
    fix: 'Point at the folder that holds the documents, not at one above it.',
  },
  'not-utf8': {
    title: 'a file is not UTF-8 text',
    why: 'In another encoding the same bytes are other names, and what is checked would not be what was written.',
    fix: 'Save the file as UTF-8.',
  },
  'symlink-loop': {
    title: 'symbolic links lead in a circle',
    why: 'Following it would never end.',
    fix: 'Remove the link.',
  },
  'symlink-outside': {
    title: 'a symbolic link leaves the folder',
    why: 'What is reviewed in the folder must be all that is loaded.',
    fix: 'Copy the file into the folder, or name the other folder itself.',
  },

  // --- syntax ---
  'yaml-syntax': {
    title: 'the text is not valid YAML',
    why: 'What cannot be read cannot be judged.',
    fix: 'Correct it at the place named; indentation is by spaces, never tabs.',
  },
  'json-syntax': {
    title: 'the text is not valid JSON',
    why: 'What cannot be read cannot be judged.',
    fix: 'Correct it at the place named, or save the file as .yaml.',
  },
  'duplicate-key': {
    title: 'a key is written twice in one mapping',
    why: 'Readers disagree on which of the two counts.',
    fix: 'Remove one of them.',
  },
  'yaml-alias': {
    title: 'anchors, aliases and merge keys are not accepted',
    why: 'They let a few lines stand for gigabytes, and they hide what a policy says from the person who reviews it.',
    fix: 'Write the value out.',
  },
  'yaml-tag': {
    title: 'tags are not accepted',
    why: 'A tag changes what a value is behind the back of the person who reads it.',
    fix: 'Remove the tag; quote the value if it should be text.',
  },
  'forbidden-character': {
    title: 'a control character or other invisible character',
    why: 'It can hide text from reviewers or drive the terminal of whoever prints it.',
    fix: 'Remove it.',
  },
  'too-deep': {
    title: 'values are nested deeper than any document needs',
    why: 'Deep nesting exhausts the reader of a file, and no field is that deep.',
    fix: 'Remove the nesting.',
  },

  // --- shape of a document ---
  'not-a-document': {
    title: 'not a document',
    why: 'Every document has `apiVersion`, `kind`, `metadata` and `spec`, or is the bare form with `policy` alone.',
    fix: 'Write those four fields, or remove the text.',
  },
  'unknown-version': {
    title: 'an apiVersion that is not known',
    why: 'The same words may mean something else in another version.',
    fix: 'Write `apiVersion: bulkhead.dev/v1`.',
  },
  'unknown-kind': {
    title: 'a kind that is not known',
    why: 'Leaving out a document nobody understands could open or close paths unseen.',
    fix: 'Use one of the kinds in the reference.',
  },
  'unknown-field': {
    title: 'a field that is not known',
    why: 'A misspelt field would be ignored in silence, and the document would mean something else than it says.',
    fix: 'Correct the spelling or remove the field.',
  },
  'missing-field': {
    title: 'a field is missing',
    why: 'There is no safe default for it.',
    fix: 'Write the field.',
  },
  'wrong-type': {
    title: 'a value of the wrong type',
    why: 'Guessing what was meant could widen a policy.',
    fix: 'Write a value of the type named; quote text that looks like a number.',
  },
  'wrong-value': {
    title: 'a value that is not allowed here',
    why: 'Only the values named in the message have a meaning.',
    fix: 'Use one of them.',
  },
  'invalid-name': {
    title: 'a name that is not a DNS label',
    why: 'Names become host names, certificate identities and file names; anything else could be read as a path or another name.',
    fix: 'Use lower-case letters, digits and `-`, starting and ending with a letter or digit, at most 63 characters.',
  },
  'enclave-missing': {
    title: 'the document does not say which enclave owns it',
    why: 'A policy counts only in the enclave that owns it.',
    fix: 'Write `enclave: NAME` under `metadata`.',
  },
  'enclave-unneeded': {
    title: 'an enclave is named on a document that belongs to none',
    why: 'It would look as if the document counted for that enclave alone.',
    fix: 'Remove `enclave` from `metadata`.',
  },
  'duplicate-name': {
    title: 'two documents of one kind have one name',
    why: 'A reference to the name would be ambiguous.',
    fix: 'Rename or remove one of them.',
  },
  'conflicting-fields': {
    title: 'fields that exclude each other, or none of those of which one is needed',
    why: 'The document would mean two things at once, or nothing.',
    fix: 'Keep exactly one of the fields named.',
  },

  // --- values ---
  'invalid-port': {
    title: 'not a port',
    why: 'Ports are 1 to 65535; port 0 means "any" to some programs and "none" to others.',
    fix: 'Write a number, a range such as `8000-8100`, a port name, or `any`.',
  },
  'reversed-range': {
    title: 'a range that ends before it begins',
    why: 'It holds no port, so the policy would open nothing.',
    fix: 'Swap its ends.',
  },
  'missing-port': {
    title: 'a policy for this protocol needs a port',
    why: 'All ports is a decision and has to be written out.',
    fix: 'Write the port, or `port: any`.',
  },
  'needless-port': {
    title: 'this protocol takes no such port',
    why: '`icmp` has no ports, and `any` stands for all protocols and so for all ports.',
    fix: 'Remove `port` for `icmp`; write `port: any` for `protocol: any`.',
  },
  'invalid-cidr': {
    title: 'not an address range',
    why: 'Only a complete address with a prefix length names a definite set of addresses.',
    fix: 'Write it as `192.0.2.0/24` or `2001:db8::/32`.',
  },
  'host-bits': {
    title: 'an address range with host bits set',
    why: 'Either the address or the length is wrong, and only the writer knows which.',
    fix: 'Write the first address of the range, or the single address with /32 or /128.',
  },
  'mapped-address': {
    title: 'an IPv4-mapped IPv6 address',
    why: 'It is a second spelling of an IPv4 address, and filters disagree on which they see.',
    fix: 'Write the IPv4 address.',
  },
  'invalid-address': {
    title: 'not an address',
    why: 'Only one complete IPv4 or IPv6 address can be published.',
    fix: 'Write it as `192.0.2.10` or `2001:db8::10`.',
  },
  'invalid-domain': {
    title: 'not a domain name',
    why: 'Only a full name, or `*.` before one of at least two labels, names a definite set of hosts.',
    fix: 'Write it as `pypi.org` or `*.pythonhosted.org`.',
  },
  'wildcard-domain': {
    title: 'a pattern that holds every name',
    why: 'It would open the whole internet under the look of a named system.',
    fix: 'Name the domains that are needed.',
  },
  'invalid-instant': {
    title: 'not a date or an instant',
    why: 'A time without a zone means different instants in different places.',
    fix: 'Write `2027-03-31` (the start of that day in UTC) or `2027-03-31T18:00:00Z`.',
  },
  'invalid-reference': {
    title: 'not a reference',
    why: 'A reference that can be read two ways could select the wrong workload.',
    fix: 'Write one of the forms the message names.',
  },
  'action-deny': {
    title: 'there is no deny action',
    why: 'Everything is denied unless a policy allows it, and policies only add up; a deny rule would depend on order.',
    fix: 'Remove the policy that allows the path, or write a Guardrail that says it must never exist.',
  },
  'invalid-path': {
    title: 'not an absolute path',
    why: 'A path that climbs or floats depends on where it is read from.',
    fix: 'Write an absolute path without `..`.',
  },

  // --- between documents ---
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
    why: 'Which of the two answers would be chance.',
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
    title: 'a route asks of callers what the policy\'s authentication does not tell',
    why: 'Claims are in tokens and identities in certificates; without them nobody could take the route.',
    fix: 'Use `claims` with `jwt` or `oidc`, and `identities` with `mtls`.',
  },
  'route-destination': {
    title: 'a route to a workload that its policy does not name',
    why: 'Routing chooses among the destinations of a policy; it opens none.',
    fix: 'Add the workload to `destination` of the policy, or lead the route elsewhere.',
  },
  'route-port': {
    title: 'a route to a port that its policy does not open, or to no certain one',
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
    title: 'what a policy wants encrypted, another opens in the clear',
    why: 'The path stays open in the clear when the policy that requires encryption ends or leaves.',
    fix: 'Write `encryption: required` in the other policy too, or remove what they share from it.',
  },
  'gateway-missing': {
    title: 'a policy that needs the inbound gateway, and the Platform names no address for it',
    why: 'Host names and Peers come in by the gateway alone, so the policy opens nothing.',
    fix: 'Write `gateway: {addresses: [...]}` in the Platform document.',
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
    fix: 'Name the ports, best by the names that the Workload gives them.',
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
    why: 'Kubernetes leaves open which of them decides, so nobody can say what they allow together.',
    fix: 'Give them different priorities.',
  },
  'not-carried': {
    title: 'a path of the manifests that the import leaves closed',
    why: 'A document that came near it would open more than the manifests do; a closed path is told, a wider one would not be seen.',
    fix: 'Write a document for it if the path is needed.',
  },
  'guardrail-broken': {
    title: 'a guardrail does not hold',
    why: 'A Guardrail is what has to be true of every set of policies.',
    fix: 'Remove one of the paths of the chain shown.',
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

  // --- operation ---
  'usage': {
    title: 'the command line cannot be understood',
    why: 'Guessing what was meant could change a running platform.',
    fix: 'Run the command with --help.',
  },
  'tool-missing': {
    title: 'a program that is needed is not installed',
    why: 'Bulkhead drives the kernel through its own tools.',
    fix: 'Run bin/setup, or install the package the message names.',
  },
  'command-failed': {
    title: 'a program that was called has failed',
    why: 'The step it was called for has not happened.',
    fix: 'Read what the program said; it is part of the message.',
  },
  'command-timeout': {
    title: 'a program that was called did not finish in time',
    why: 'It was ended, so that nothing waits for it forever.',
    fix: 'Look for what holds it up, and try again.',
  },
  'output-too-large': {
    title: 'a program that was called said more than is kept',
    why: 'Reading the first part of an answer as if it were all of it could hide what matters.',
    fix: 'Report it: no tool should answer with so much.',
  },
  'interrupted': {
    title: 'the command was interrupted',
    why: 'Somebody asked it to stop.',
    fix: 'Run it again.',
  },
  'permission-denied': {
    title: 'the right to do this is missing',
    why: 'The kernel refused it.',
    fix: 'Run as root, or in a sandbox with --sandbox.',
  },
  'gateway-rejected': {
    title: 'a gateway does not accept its configuration',
    why: 'What was in force stays, so the paths that were to open are closed, and those that were to close are not.',
    fix: 'Read what Envoy said; it is part of the message. Then report it: every configuration was judged before it was written.',
  },
  'gateway-silent': {
    title: 'a gateway does not answer',
    why: 'Nobody can say whether it has taken the configuration; while it is down its paths are closed.',
    fix: 'Read the gateway\'s log, which the message names.',
  },
  'namespaces-forbidden': {
    title: 'this machine forbids unprivileged user namespaces',
    why: 'A sandbox without root is made of them.',
    fix: 'Allow them (`sysctl kernel.unprivileged_userns_clone=1`, or `kernel.apparmor_restrict_unprivileged_userns=0`), or run as root.',
  },
  'unsupported-system': {
    title: 'this system cannot carry packets for Bulkhead',
    why: 'Enforcement is the Linux kernel\'s: network namespaces, nftables and conntrack.',
    fix: 'Run it on Linux; checking documents works anywhere.',
  },
  'state-unreadable': {
    title: 'the state of the platform cannot be read',
    why: 'Without it nobody can tell which interfaces and rules are ours.',
    fix: 'Run `bulkhead down`, then `bulkhead up`: it puts damaged files aside.',
  },
  'state-unwritable': {
    title: 'the state of the platform cannot be written',
    why: 'What is not written down would be forgotten by the next agent, so nothing was changed.',
    fix: 'Make room on the disk of the state folder, then try again.',
  },
  'instance-busy': {
    title: 'another command changes this instance',
    why: 'Two commands that change one instance take turns; this one waited for its turn in vain.',
    fix: 'Wait for the command that the message names, or end it.',
  },
  'not-running': {
    title: 'no platform is running here',
    why: 'The command asks a running platform.',
    fix: 'Start one with `bulkhead up DIR`.',
  },
  'already-running': {
    title: 'a platform is running already',
    why: 'A second one would fight with it over interfaces and rules.',
    fix: 'Use `bulkhead apply DIR` to change it, or `bulkhead down` first.',
  },
  'agent-unreachable': {
    title: 'the agent does not answer',
    why: 'The last rules stay in force, but nothing can be asked or changed.',
    fix: 'Run `bulkhead up` again: it adopts what runs.',
  },
  'nft-failed': {
    title: 'the kernel refused the ruleset',
    why: 'A ruleset is loaded whole or not at all: what was in force still is.',
    fix: 'Read what nft said; it is part of the message.',
  },
  'network-failed': {
    title: 'a namespace, interface, address or route could not be set up',
    why: 'A workload is never started on half a network.',
    fix: 'Read what the kernel said; it is part of the message.',
  },
  'attach-refused': {
    title: 'a namespace or interface cannot be attached',
    why: 'A namespace that also has another interface goes round the rules.',
    fix: 'Remove the other interfaces, or name the right namespace.',
  },
  'workload-failed': {
    title: 'a workload could not be started',
    why: 'Its command ended before it could run.',
    fix: 'Read its log with `bulkhead logs WORKLOAD`.',
  },
  'unknown-workload': {
    title: 'no workload has this name',
    why: 'The command needs one that the running platform knows.',
    fix: 'Use `enclave/workload`; `bulkhead status` lists them.',
  },
  'addresses-exhausted': {
    title: 'the address space for workloads is full',
    why: 'Two workloads with one address could not be told apart.',
    fix: 'Give the Platform a larger range under `addresses`.',
  },
  // --- identity ---
  'spiffe-id-invalid': {
    title: 'not a SPIFFE ID of this platform',
    why: 'A certificate says who somebody is; one for a name that others read differently would speak for two.',
    fix: 'Use `spiffe://TRUST-DOMAIN/PATH` with the platform\'s trust domain, in letters, digits, `.`, `_` and `-`.',
  },
  'key-exposed': {
    title: 'others than its owner may read or replace a private key',
    why: 'Whoever has the key is whoever it belongs to.',
    fix: 'Make a new key; keep it in a file of mode 0600, in a folder that only its owner may write.',
  },
  'identity-damaged': {
    title: 'a file of the certificate authority or of a trust bundle is missing or damaged',
    why: 'Going on without it would forget which bundles were replaced, or make an authority that nobody trusts.',
    fix: 'Restore the folder from a backup; if there is none, remove it and exchange bundles with every Peer again.',
  },
  'authority-unusable': {
    title: 'the certificate authority cannot sign now',
    why: 'A certificate that outlives its authority, or that no bundle vouches for, would be refused everywhere.',
    fix: 'Check the clock; supply an intermediate that is valid and whose root is among the roots.',
  },
  'root-elsewhere': {
    title: 'the root of this platform is kept elsewhere',
    why: 'Only who holds its key can replace it.',
    fix: 'Add the new root to `rootsFile`, wait until every Peer has fetched it, then supply an intermediate of the new root.',
  },
  'svid-of-another': {
    title: 'the folder holds the identity of another workload',
    why: 'A workload gets its own identity and no other.',
    fix: 'Use a folder for each workload.',
  },
  'bundle-refused': {
    title: 'a trust bundle is not accepted',
    why: 'A bundle decides who may speak for a whole platform; half of one, or an odd one, is not taken. The one before stays.',
    fix: 'Read the reason; ask the other platform\'s operator when the endpoint is the right one.',
  },
  'bundle-replayed': {
    title: 'a trust bundle older than the one before',
    why: 'An old bundle would bring back an authority that has been removed. The newer one stays.',
    fix: 'If the other platform was set up anew, remove its bundle here and give the new one by hand.',
  },
  'bundle-unreachable': {
    title: 'a trust bundle could not be fetched',
    why: 'The one before stays in use until its certificates end, and is fetched again after a while.',
    fix: 'Check the Peer\'s `bundleEndpoint` and the way there.',
  },
  'internal': {
    title: 'a mistake in Bulkhead itself',
    why: 'It met a case its authors had excluded. Nothing was widened.',
    fix: 'Report it with the message; set BULKHEAD_DEBUG=1 to see where it happened.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>

export type ErrorCode = keyof typeof catalogue

export function catalogueEntry(code: ErrorCode): CatalogueEntry {
  return catalogue[code]
}

/** All codes in the order of the alphabet. */
export function errorCodes(): readonly ErrorCode[] {
  return (Object.keys(catalogue) as ErrorCode[]).sort()
}
