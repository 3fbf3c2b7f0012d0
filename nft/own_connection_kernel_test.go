package nft_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
)

// TestOwnConnections opens connections from a VIP and a port of the passive range, as a
// program of the director does. The SYN+ACK has no mark, all other packets have one: IPVS
// begins no connection with them.
func TestOwnConnections(t *testing.T) {
	need.Programs(t, "ip")
	for name, spec := range map[string]string{
		"one protocol":      "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21, '2001:db8::21'], ftp: {}, forwarding: direct, real-servers: [{address: 10.0.0.11}, {address: 'fd00::11'}]}]\n",
		"several protocols": "clusters: [{name: web, mark: 21, vips: [198.51.100.21, '2001:db8::21'], ports: [10000-20000, udp/443], forwarding: direct, real-servers: [{address: 10.0.0.11}, {address: 'fd00::11'}]}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			want := rehearse(t, parse(t, spec))
			inScratch(t, func() {
				scratch.Run(t, "", "ip", "link", "set", "lo", "up")
				apply(t, dial(t), want)
				run(t, countMarks, "-f", "-")
				for _, c := range []ownConnection{
					{t, "198.51.100.21", "198.51.100.10", "ip"}, {t, "2001:db8::21", "2001:db8::10", "ip6"},
				} {
					c.test()
				}
			})
		})
	}
}

// countMarks counts the packets to the passive range, by flags and mark.
const countMarks = `table inet count {
	counter answers { }
	counter others { }
	chain c {
		type filter hook prerouting priority mangle + 1
		tcp dport != 10000-20000 accept
		meta mark != 21 accept
		tcp flags & (syn|ack) == (syn|ack) counter name answers accept
		counter name others
	}
}
`

// clientPort is the port of the client.
const clientPort = 4000

type ownConnection struct {
	t                   *testing.T
	vip, client, family string
}

func (c ownConnection) test() {
	for _, address := range []string{c.vip, c.client} {
		scratch.Run(c.t, "", "ip", "address", "add", address, "dev", "lo", "nodad")
	}
	c.waitForRoutes()
	c.connect(15000)
	assert.Zero(c.t, c.marked("answers"), "SYN+ACK of the director's connection")
	assert.NotZero(c.t, c.awaitMarked("others", 1), "packets after it")

	c.sendAnswer(16000)
	assert.Equal(c.t, 1, c.awaitMarked("answers", 1), "SYN+ACK without a socket, as of active data with direct")
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{Port: 16001})
	require.NoError(c.t, err)
	defer listener.Close()
	c.sendAnswer(16001)
	assert.Equal(c.t, 1, c.awaitMarked("answers", 1), "SYN+ACK to a port on which a server listens")

	rules := run(c.t, "", "-a", "list", "chain", c.family, "lvsmark", "prerouting")
	for line := range strings.Lines(rules) {
		if _, handle, ok := strings.Cut(line, "# handle "); ok && strings.Contains(line, "socket wildcard 0") {
			run(c.t, "delete rule "+c.family+" lvsmark prerouting handle "+handle, "-f", "-")
		}
	}
	c.connect(15002)
	assert.Equal(c.t, 1, c.marked("answers"), "without the rule")
}

// waitForRoutes waits until the addresses can connect to each other: the kernel completes a
// new IPv6 address in a workqueue (addrconf_dad_work of net/ipv6/addrconf.c).
func (c ownConnection) waitForRoutes() {
	c.t.Helper()
	for range 1000 {
		if c.dial(5000) == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Fail(c.t, "no connection from "+c.vip)
}

// connect opens a connection from a port of the VIP to the client.
func (c ownConnection) connect(port uint16) {
	c.t.Helper()
	require.NoError(c.t, c.dial(port))
}

func (c ownConnection) dial(port uint16) error {
	client, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(c.client), Port: clientPort})
	if err != nil {
		return err
	}
	defer client.Close()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.vip), Port: int(port)}, Timeout: time.Minute}
	conn, err := dialer.Dial("tcp", client.Addr().String())
	if err != nil {
		return err
	}
	return conn.Close()
}

// sendAnswer sends a SYN+ACK (RFC 9293) from the client to a port of the VIP.
func (c ownConnection) sendAnswer(port uint16) { c.sendFlags(port, 0x12) }

// sendFlags sends a TCP packet with these flags.
func (c ownConnection) sendFlags(port uint16, flags byte) {
	c.t.Helper()
	segment := make([]byte, 20)
	binary.BigEndian.PutUint16(segment[0:], clientPort)
	binary.BigEndian.PutUint16(segment[2:], port)
	segment[12], segment[13] = 5<<4, flags
	c.sendRaw(unix.IPPROTO_TCP, segment)
}

func (c ownConnection) sendRaw(protocol int, packet []byte) {
	c.t.Helper()
	family := map[string]int{"ip": unix.AF_INET, "ip6": unix.AF_INET6}[c.family]
	fd, err := unix.Socket(family, unix.SOCK_RAW, protocol)
	require.NoError(c.t, err)
	defer unix.Close(fd)
	require.NoError(c.t, unix.Bind(fd, sockaddr(c.client)))
	require.NoError(c.t, unix.Sendto(fd, packet, 0, sockaddr(c.vip)))
}

func sockaddr(text string) unix.Sockaddr {
	address := netip.MustParseAddr(text)
	if address.Is4() {
		return &unix.SockaddrInet4{Addr: address.As4()}
	}
	return &unix.SockaddrInet6{Addr: address.As16()}
}

// awaitMarked is marked, and waits until so many packets came, for at most a minute: the kernel
// may leave packets that were sent to a thread (ksoftirqd), which waits for the processor.
func (c ownConnection) awaitMarked(counter string, packets int) int {
	c.t.Helper()
	n := c.marked(counter)
	for end := time.Now().Add(time.Minute); n < packets && time.Now().Before(end); n += c.marked(counter) {
		time.Sleep(10 * time.Millisecond)
	}
	return n
}

// marked returns and resets a counter of countMarks.
func (c ownConnection) marked(counter string) int {
	c.t.Helper()
	_, text, _ := strings.Cut(run(c.t, "", "reset", "counter", "inet", "count", counter), "packets ")
	digits, _, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(digits)
	require.NoError(c.t, err)
	return n
}
