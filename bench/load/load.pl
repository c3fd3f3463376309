# Makes and answers traffic with as little of its own work as a script can have. One mode for each side of each measure;
# results are one line on stdout. Every Debian has perl-base, and no other tool has to be installed.
use strict;
use warnings;
use Socket qw(:DEFAULT IPPROTO_TCP TCP_NODELAY SO_LINGER);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($mode, $address, $port, $seconds, $size) = @ARGV;
$size ||= 64;
$| = 1;
sub now { clock_gettime(CLOCK_MONOTONIC) }
# The time that a tenth of the tries stayed below: what other work on the machine does not disturb.
sub undisturbed { my @sorted = sort { $a <=> $b } @_; $sorted[@sorted / 10] }
sub target { sockaddr_in($port, inet_aton($address)) }
sub stream { socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!"; $s }
sub listening {
  my $s = stream();
  setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($s, sockaddr_in($port, INADDR_ANY)) or die "bind: $!";
  listen($s, 4096) or die "listen: $!";
  print "ready\n";
  $s;
}

if ($mode eq 'accept') {          # takes connections and lets them go
  my $l = listening();
  while (accept(my $s, $l)) { close($s) }
} elsif ($mode eq 'connect') {    # new connections one after the other: microseconds of one, undisturbed
  my @took;
  my $end = now() + $seconds;
  my $to = target();
  my $reset = pack('ii', 1, 0);
  while ((my $from = now()) < $end) {
    my $s = stream();
    connect($s, $to) or die "connect: $!";
    push @took, now() - $from;
    setsockopt($s, SOL_SOCKET, SO_LINGER, $reset);
    close($s);
  }
  printf "%.3f\n", undisturbed(@took) * 1e6;
} elsif ($mode eq 'answer') {     # answers each request of a connection
  my $l = listening();
  $SIG{CHLD} = 'IGNORE';
  while (accept(my $s, $l)) {
    next if fork();
    setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1);
    while (sysread($s, my $got, 65536)) { syswrite($s, $got) }
    exit;
  }
} elsif ($mode eq 'ask') {        # one request after the other on one connection: requests a second, undisturbed
  my $s = stream();
  setsockopt($s, IPPROTO_TCP, TCP_NODELAY, 1);
  connect($s, target()) or die "connect: $!";
  my $data = 'x' x $size;
  my (@took, $from);
  my $end = now() + $seconds;
  while (($from = now()) < $end) {
    for (1 .. 20) { syswrite($s, $data); sysread($s, my $got, 65536) }
    push @took, now() - $from;
  }
  printf "%.1f\n", 20 / undisturbed(@took);
} elsif ($mode eq 'sink') {       # takes all that comes and says how much each connection brought: bits a second
  my $l = listening();
  while (accept(my $s, $l)) {
    my ($n, $from) = (0, now());
    while (my $got = sysread($s, my $data, 262144)) { $n += $got }
    printf "%.0f\n", $n * 8 / (now() - $from);
  }
} elsif ($mode eq 'pour') {       # a stream as fast as it goes
  my $s = stream();
  connect($s, target()) or die "connect: $!";
  my ($data, $end) = ('x' x 262144, now() + $seconds);
  while (now() < $end) { syswrite($s, $data) }
} elsif ($mode eq 'flood') {      # datagrams as fast as they go, or at a rate: how many were sent, and how many a second, undisturbed
  socket(my $s, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
  connect($s, target()) or die "connect: $!";
  my $rate = $ARGV[5] || 0;
  my ($n, $data, $from) = (0, 'x' x $size, now());
  my @took;
  my $end = $from + $seconds;
  while ((my $at = now()) < $end) {
    my $due = $rate ? int(($at - $from) * $rate) - $n : 50;
    if ($due <= 0) { select(undef, undef, undef, 0.0005); next }
    for (1 .. ($due > 200 ? 200 : $due)) { send($s, $data, 0); $n++ }
    push @took, now() - $at if $due == 50;
  }
  printf "%d %.1f\n", $n, @took ? 50 / undisturbed(@took) : 0;
}
