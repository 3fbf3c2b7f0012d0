package nft_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/nft"
)

const (
	oneProtocol      = `clusters: [{name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}]` + "\n"
	severalProtocols = `clusters: [{name: web, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ports: [21, udp/21], real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}]` + "\n"
	severalProfiles  = `clusters:
  - {name: web, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ports: [21, udp/21], real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
  - {name: b, mark: 22, vips: [198.51.100.22, "2001:db8::22"], ports: [22], real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
  - {name: c, mark: 23, vips: [198.51.100.23, "2001:db8::23"], ports: [23], real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
`
	firstPacket = "director: {marks: first-packet}\n"
	synRule     = "@th,104,8 & 0x2 == 0x2 goto prerouting_first"
)

// countFlags counts packets to port 21 by their flags and mark.
const countFlags = `table inet count {
	counter first { }
	counter later { }
	counter datagrams { }
	chain c {
		type filter hook prerouting priority mangle + 1
		th dport != 21 accept
		meta mark != 21 accept
		meta l4proto udp counter name datagrams accept
		tcp flags & syn == syn counter name first accept
		counter name later
	}
}
`

// TestFirstPacket sends TCP packets with each combination of flags, and UDP.
func TestFirstPacket(t *testing.T) {
	need.Programs(t, "ip")
	for name, c := range map[string]struct {
		spec  string
		later int // marked packets without SYN, of 128
		udp   int
	}{
		"every packet":                   {oneProtocol, 128, 0},
		"one protocol":                   {oneProtocol + firstPacket, 0, 0},
		"several protocols":              {severalProtocols + firstPacket, 0, 1},
		"several profiles":               {severalProfiles + firstPacket, 0, 1},
		"several profiles, every packet": {severalProfiles, 128, 1},
	} {
		t.Run(name, func(t *testing.T) {
			want := rehearse(t, parse(t, c.spec))
			inScratch(t, func() {
				scratch.Run(t, "", "ip", "link", "set", "lo", "up")
				apply(t, dial(t), want)
				run(t, countFlags, "-f", "-")
				for _, family := range []string{"ip", "ip6"} {
					o := ownConnection{t, map[string]string{"ip": "198.51.100.21", "ip6": "2001:db8::21"}[family], map[string]string{"ip": "198.51.100.10", "ip6": "2001:db8::10"}[family], family}
					for _, address := range []string{o.vip, o.client} {
						scratch.Run(t, "", "ip", "address", "add", address, "dev", "lo", "nodad")
					}
					o.waitForRoutes()
					for flags := range 256 {
						o.sendFlags(21, byte(flags))
					}
					o.sendUDP(21)
					assert.Equal(t, 128, o.awaitMarked("first", 128), "packets with SYN, %s", family)
					assert.Equal(t, c.later, o.awaitMarked("later", c.later), "packets without SYN, %s", family)
					assert.Equal(t, c.udp, o.awaitMarked("datagrams", c.udp), "UDP, %s", family)
				}
			})
		})
	}
}

// sendUDP sends a datagram from the client to a port of the VIP. The byte at the place of
// TCP's flags is 0.
func (c ownConnection) sendUDP(port uint16) {
	c.t.Helper()
	datagram := make([]byte, 20)
	binary.BigEndian.PutUint16(datagram[0:], clientPort)
	binary.BigEndian.PutUint16(datagram[2:], port)
	binary.BigEndian.PutUint16(datagram[4:], uint16(len(datagram)))
	c.sendRaw(unix.IPPROTO_UDP, datagram)
}

// TestFirstPacketRule loads the rules that select first packets in other forms: rules with
// the same meaning are no difference. Others are one, and a commit restores the rules.
func TestFirstPacketRule(t *testing.T) {
	const to = "goto prerouting_first"
	for _, c := range []struct {
		name, rule, of string
		same           bool
	}{
		{"a field of one bit", "@th,110,1 0x1 " + to, synRule, true},
		{"not without SYN", "@th,104,8 & 0x2 != 0x0 " + to, synRule, false},
		{"the flags of TCP by name", "tcp flags & syn == syn " + to, synRule, false},
		{"another flag", "@th,104,8 & 0x10 == 0x10 " + to, synRule, false},
		{"without SYN", "@th,104,8 & 0x2 == 0x0 " + to, synRule, false},
		{"another byte", "@th,96,8 & 0x2 == 0x2 " + to, synRule, false},
		{"drops", "@th,104,8 & 0x2 == 0x2 drop", synRule, false},
		{"jumps", "@th,104,8 & 0x2 == 0x2 jump prerouting_first", synRule, false},
		{"counts", "@th,104,8 & 0x2 == 0x2 counter " + to, synRule, false},
		{"the protocol by meta", "meta l4proto != tcp " + to, "ip protocol != tcp " + to, true},
		{"another protocol", "ip protocol != udp " + to, "ip protocol != tcp " + to, false},
		{"one protocol", "ip protocol udp " + to, "ip protocol != tcp " + to, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := rehearse(t, parse(t, severalProtocols+firstPacket))
			inScratch(t, func() {
				conn := dial(t)
				apply(t, conn, want)
				before := list(t, "table", "ip", "lvsmark")
				rule := asListed(t, c.of)
				require.Contains(t, before, rule)
				run(t, "replace rule ip lvsmark prerouting handle "+handleOf(t, rule)+" "+c.rule, "-f", "-")
				now := snapshot(t, conn)
				assert.Equal(t, c.same, nft.Compare(&now.Ruleset, want).Empty())
				if !c.same {
					assert.NotEmpty(t, apply(t, conn, want))
					assert.Equal(t, before, list(t, "table", "ip", "lvsmark"))
				}
			})
		})
	}
}

// handleOf returns the handle of a rule in lvsmark's chain.
func handleOf(t *testing.T, rule string) string {
	t.Helper()
	_, rest, found := strings.Cut(run(t, "", "-a", "list", "chain", "ip", "lvsmark", "prerouting"), rule)
	require.True(t, found)
	_, rest, _ = strings.Cut(rest, "# handle ")
	handle, _, _ := strings.Cut(rest, "\n")
	return handle
}

// TestUnmarkedFirstPacket: a table without comments that marks first packets has the form of
// lvsmark's.
func TestUnmarkedFirstPacket(t *testing.T) {
	want := rehearse(t, parse(t, severalProtocols+firstPacket))
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, want)
		bare := bareTable(t)
		run(t, "flush ruleset; "+bare, "-f", "-")
		unmarked, err := conn.Unmarked()
		require.NoError(t, err)
		require.Len(t, unmarked, 1)
		assert.True(t, unmarked[0].MatchesExceptRecords(want.Tables[0]))
	})
}
