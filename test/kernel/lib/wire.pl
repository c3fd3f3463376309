# One end of a cable, for tests: writes and reads whole IP packets on an interface, which Node cannot do by itself.
# Usage: perl wire.pl INTERFACE PEER_MAC. Commands on stdin, one a line: `S HEX` sends a packet, `F WORD` answers `F WORD`
# after everything that had arrived. Each arrival is a line `R HEX`. Ends with its stdin.
use strict;
use warnings;
use Socket;
use IO::Select;

my ($interface, $mac) = @ARGV;
my ($AF_PACKET, $ETH_P_ALL, $SIOCGIFINDEX, $OUTGOING) = (17, 0x0003, 0x8933, 4);
my %ether = (4 => 0x0800, 6 => 0x86dd);

socket(my $wire, $AF_PACKET, SOCK_DGRAM, unpack('S', pack('n', $ETH_P_ALL))) or die "socket: $!";
my $request = pack('a16 x16', $interface);
ioctl($wire, $SIOCGIFINDEX, $request) or die "no interface $interface: $!";
my $index = unpack('x16 i', $request);
setsockopt($wire, SOL_SOCKET, SO_RCVBUF, 4 * 1024 * 1024);
bind($wire, pack('S n i S C C a8', $AF_PACKET, $ETH_P_ALL, $index, 0, 0, 0, '')) or die "bind: $!";
my $peer = pack('H12', $mac =~ tr/://dr);
$| = 1;
print "READY\n";

my $select = IO::Select->new($wire, \*STDIN);
my $pending = '';
while (1) {
  for my $ready ($select->can_read) {
    if ($ready == $wire) {
      receive();
      next;
    }
    sysread(STDIN, $pending, 65536, length $pending) or exit 0;
    while ($pending =~ s/^(.*)\n//) {
      my ($verb, $what) = split / /, $1, 2;
      if ($verb eq 'S') {
        my $packet = pack('H*', $what);
        my $type = $ether{ ord($packet) >> 4 };
        my $to = pack('S n i S C C a8', $AF_PACKET, $type, $index, 0, 0, 6, $peer);
        defined send($wire, $packet, 0, $to) or print "E $!\n";
      } else {
        1 while receive();
        print "F $what\n";
      }
    }
  }
}

sub receive {
  my $from = recv($wire, my $packet, 65536, MSG_DONTWAIT);
  return 0 unless defined $from;
  my (undef, $protocol, undef, undef, $kind) = unpack('S n i S C', $from);
  print 'R ', unpack('H*', $packet), "\n" if $kind != $OUTGOING && ($protocol == 0x0800 || $protocol == 0x86dd);
  return 1;
}
