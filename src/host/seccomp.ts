/**
 * System calls that no workload needs and that lead round its namespaces (pure): a filter in the kernel's own form, for
 * bubblewrap to load. Keyrings belong to a user id, which rootless workloads share; VSOCK sockets and some others know no
 * network namespaces; io_uring makes sockets without passing any filter.
 */

interface Architecture {
  /** AUDIT_ARCH_* of linux/audit.h. */
  readonly audit: number
  readonly prctl: number
  readonly calls: Readonly<Record<'socket' | 'socketpair' | 'addKey' | 'requestKey' | 'keyctl' | 'perfEventOpen' | 'bpf', number>>
}

/** From the kernel's system call tables; those of io_uring have the same numbers everywhere. */
const architectures: Readonly<Partial<Record<string, Architecture>>> = {
  x64: { audit: 0xc000_003e, prctl: 157, calls: { socket: 41, socketpair: 53, addKey: 248, requestKey: 249, keyctl: 250, perfEventOpen: 298, bpf: 321 } },
  arm64: { audit: 0xc000_00b7, prctl: 167, calls: { socket: 198, socketpair: 199, addKey: 217, requestKey: 218, keyctl: 219, perfEventOpen: 241, bpf: 280 } },
}

const ioUring = [425, 426, 427]
/** UNIX, IPv4, IPv6, netlink, packet: all of them belong to a network namespace. */
const families = [1, 2, 10, 16, 17]

const load = 0x20 // BPF_LD | BPF_W | BPF_ABS
const jumpIfEqual = 0x15
const jumpIfAtLeast = 0x35
const answer = 0x06
const allow = 0x7fff_0000
const fail = (errno: number): number => 0x0005_0000 | errno
const EPERM = 1
const ENOSYS = 38
const EAFNOSUPPORT = 97
/** Offsets in struct seccomp_data: the number, the architecture, and the low half of the first argument. */
const at = { call: 0, architecture: 4, first: 16 } as const

type Instruction = readonly [code: number, yes: number, no: number, value: number]

/** `undefined` where the numbers of an architecture are not known. `name` as in `process.arch`. */
export function syscallFilter(name: string): Buffer | undefined {
  const architecture = architectures[name]
  if (architecture === undefined) return undefined
  const { socket, socketpair, addKey, requestKey, keyctl, perfEventOpen, bpf } = architecture.calls
  const refuse = (calls: readonly number[], errno: number): readonly Instruction[] => calls.flatMap((call): Instruction[] => [[jumpIfEqual, 0, 1, call], [answer, 0, 0, fail(errno)]])
  const program: readonly Instruction[] = [
    // Calls in another architecture's numbers would not be recognised.
    [load, 0, 0, at.architecture],
    [jumpIfEqual, 1, 0, architecture.audit],
    [answer, 0, 0, fail(ENOSYS)],
    [load, 0, 0, at.call],
    // The x32 numbers of x86-64 begin here; nobody else has any.
    [jumpIfAtLeast, 0, 1, 0x4000_0000],
    [answer, 0, 0, fail(ENOSYS)],
    ...refuse([addKey, requestKey, keyctl, ...ioUring], ENOSYS),
    ...refuse([perfEventOpen, bpf], EPERM),
    [jumpIfEqual, 2, 0, socket],
    [jumpIfEqual, 1, 0, socketpair],
    [answer, 0, 0, allow],
    [load, 0, 0, at.first],
    ...families.flatMap((family): Instruction[] => [[jumpIfEqual, 0, 1, family], [answer, 0, 0, allow]]),
    [answer, 0, 0, fail(EAFNOSUPPORT)],
  ]
  const bytes = Buffer.alloc(program.length * 8)
  program.forEach(([code, yes, no, value], i) => {
    bytes.writeUInt16LE(code, i * 8)
    bytes.writeUInt8(yes, i * 8 + 2)
    bytes.writeUInt8(no, i * 8 + 3)
    bytes.writeUInt32LE(value >>> 0, i * 8 + 4)
  })
  return bytes
}

/** prctl(2): PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP with SECCOMP_MODE_FILTER and a struct sock_fprog. */
const loader = `
my $prctl = shift; open(my $file, "<:raw", shift) or die "filter: $!\\n"; local $/; my $code = <$file>; close $file;
my $program = pack("S x![Q] P", length($code) / 8, $code);
syscall($prctl, 38, 1, 0, 0, 0) == 0 && syscall($prctl, 22, 2, $program) == 0 or die "filter: $!\\n";
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\\n";
`

/** The command line that runs something under the filter in `file`: what joins a workload can be traced by it, and is no way round. */
export function filtered(name: string, file: string, argv: readonly string[]): readonly string[] {
  return ['perl', '-e', loader, String(architectures[name]?.prctl ?? 0), file, ...argv]
}
