# An attacker's network card, for tests: writes and reads whole Ethernet frames on an interface.
# Usage: perl frames.pl INTERFACE [TEXT]. Commands on stdin, one a line: `S HEX` sends a frame; `B COUNT HEX` sends it COUNT times and
# answers `B SENT SECONDS`; `P FIRST LAST FIELD SUM HEX` does so with every number from FIRST to LAST in the 2 bytes at FIELD,
# which hold 0, and the checksum at SUM mended; `F WORD` answers `F WORD` after everything that had arrived. Each arrival is a
# line `R HEX`, or with a second argument only those that hold this text. Ends with its stdin.
use strict;
use warnings;
use Socket;
use IO::Select;
use Time::HiRes qw(time);

my ($interface, $text) = @ARGV;
my ($AF_PACKET, $ETH_P_ALL, $SIOCGIFINDEX, $OUTGOING) = (17, 0x0003, 0x8933, 4);

socket(my $wire, $AF_PACKET, SOCK_RAW, unpack('S', pack('n', $ETH_P_ALL))) or die "socket: $!";
my $request = pack('a16 x16', $interface);
ioctl($wire, $SIOCGIFINDEX, $request) or die "no interface $interface: $!";
my $index = unpack('x16 i', $request);
setsockopt($wire, SOL_SOCKET, SO_RCVBUF, 4 * 1024 * 1024);
bind($wire, pack('S n i S C C a8', $AF_PACKET, $ETH_P_ALL, $index, 0, 0, 0, '')) or die "bind: $!";
my $to = pack('S n i S C C a8', $AF_PACKET, $ETH_P_ALL, $index, 0, 0, 6, '');
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
      my ($verb, @rest) = split / /, $1;
      if ($verb eq 'S') {
        defined send($wire, pack('H*', $rest[0]), 0, $to) or print "E $!\n";
      } elsif ($verb eq 'B') {
        my $frame = pack('H*', $rest[1]);
        my ($from, $sent) = (time, 0);
        for (1 .. $rest[0]) { $sent++ if defined send($wire, $frame, 0, $to) }
        printf "B %d %.3f\n", $sent, time - $from;
      } elsif ($verb eq 'P') {
        my ($first, $last, $field, $sum, $hex) = @rest;
        my $frame = pack('H*', $hex);
        my $base = ~unpack('n', substr($frame, $sum, 2)) & 0xffff;
        my ($from, $sent) = (time, 0);
        for my $number ($first .. $last) {
          my $total = $base + $number;
          $total = ($total & 0xffff) + ($total >> 16);
          substr($frame, $field, 2) = pack('n', $number);
          substr($frame, $sum, 2) = pack('n', ~$total & 0xffff);
          $sent++ if defined send($wire, $frame, 0, $to);
          # What comes back is not to overflow.
          if ($number % 64 == 0) { 1 while receive() }
        }
        printf "B %d %.3f\n", $sent, time - $from;
      } else {
        1 while receive();
        print "F @rest\n";
      }
    }
  }
}

sub receive {
  my $from = recv($wire, my $frame, 65536, MSG_DONTWAIT);
  return 0 unless defined $from;
  my (undef, undef, undef, undef, $kind) = unpack('S n i S C', $from);
  print 'R ', unpack('H*', $frame), "\n" if $kind != $OUTGOING && (!defined $text || index($frame, $text) >= 0);
  return 1;
}
