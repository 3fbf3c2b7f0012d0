package equivalence

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// An answerer is a namespace with a service of UDP at a VIP, which answers each connection once.
type answerer struct {
	*ruleBench
	sockets map[uint16]int // by port
}

const servedMark = 21

func newAnswerer(t *testing.T, ports []uint16) *answerer {
	t.Helper()
	a := &answerer{ruleBench: &ruleBench{backend: "nft", family: config.IPv4, n: newNamespace(t)}, sockets: map[uint16]int{}}
	a.lan = lanOf(t, a.n)
	_, err := a.n.Run(addressesOf(config.IPv4), "sh", "-e")
	require.NoError(t, err)
	for _, port := range ports {
		require.NoError(t, a.n.Do(func() error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			t.Cleanup(func() { require.NoError(t, unix.Close(fd)) })
			a.sockets[port] = fd
			return unix.Bind(fd, &unix.SockaddrInet4{Port: int(port), Addr: [4]byte{198, 51, 100, 21}})
		}))
	}
	return a
}

// load replaces all rules, and records marks behind them.
func (a *answerer) load(t *testing.T, rules string) {
	t.Helper()
	require.NoError(t, a.n.Load("flush ruleset\n"))
	_, err := a.n.Run(rules, "iptables-nft-restore")
	require.NoError(t, err, rules)
	recorder := strings.Replace(markRecorder(config.IPv4, ""), "meta mark } drop\n\t\tdrop\n", "meta mark }\n", 1)
	require.NotContains(t, recorder, "} drop")
	require.NoError(t, a.n.Load(recorder))
}

// answers takes a packet, if one has come, and sends an answer, which passes the hooks before it returns.
func (a *answerer) answers(t *testing.T, port uint16) {
	t.Helper()
	b := make([]byte, 100)
	_, from, err := unix.Recvfrom(a.sockets[port], b, 0)
	if errors.Is(err, unix.EAGAIN) {
		return
	}
	require.NoError(t, err)
	require.NoError(t, unix.Sendto(a.sockets[port], []byte{1}, 0, from))
}

// marks sends three packets of a connection to each port, the third one behind an answer. It returns
// their marks; -1: a rule has dropped the packet. from is the port of the client, another one each time.
func (a *answerer) marks(t *testing.T, from uint16, ports []uint16) map[uint16][3]int {
	t.Helper()
	for i, port := range ports {
		for turn := range 3 {
			p := rulePacket{Packet: exact.Packet{
				Protocol: unix.IPPROTO_UDP, MAC: oldconfig.Number{Low: 1},
				From: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 5}), from), To: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, 21}), port),
			}}
			frame := append(append([]byte{}, a.lan.mac...), 2, 0, 0, 0, 0, 1)
			frame = binary.BigEndian.AppendUint16(frame, unix.ETH_P_IP)
			_, err := unix.Write(a.lan.tap, append(frame, p.bytes(3*i+turn+1)...))
			require.NoError(t, err)
			if turn == 1 {
				a.answers(t, port)
			}
		}
		for { // what is left
			if _, _, err := unix.Recvfrom(a.sockets[port], make([]byte, 100), 0); err != nil {
				break
			}
		}
	}
	seen, marks := marksOf(t, a.n, config.IPv4), map[uint16][3]int{}
	for i, port := range ports {
		var of [3]int
		for turn := range of {
			of[turn] = -1
			if mark, came := seen[3*i+turn+1]; came {
				of[turn] = int(mark)
			}
		}
		marks[port] = of
	}
	return marks
}

// stateRules returns random rules that treat later packets of a connection in another way.
func stateRules(r *rand.Rand) (rules []string) {
	pool := []string{
		"-j CONNMARK --restore-mark", "-j CONNMARK --save-mark", "-m mark ! --mark 0 -j ACCEPT", "-m mark --mark 21 -j CONNMARK --save-mark",
		"-p udp --dport 53 -j MARK --set-mark 21", "-p udp --dport 53 -m state --state NEW -j MARK --set-mark 21",
		"-p udp --dport 53:54 -m state --state ESTABLISHED -j MARK --set-mark 21", "-p udp --dport 54 -m conntrack --ctstate NEW -j CONNMARK --set-mark 21",
		"-m state --state ESTABLISHED,RELATED -j ACCEPT", "-p udp --dport 54 -m connmark --mark 21 -j MARK --set-mark 21",
		"-m state --state ESTABLISHED -j CONNMARK --restore-mark", "-p udp --dport 55 -j CONNMARK --set-mark 21",
		"-p udp --dport 55 -m connmark --mark 21 -j DROP", "-p udp --dport 54 -m state --state ESTABLISHED -j DROP", "-j MARK --set-mark 0",
	}
	for range 2 + r.IntN(4) {
		rules = append(rules, pickOf(r, pool))
	}
	return rules
}

func stateTables(rules []string, untracked bool) string {
	var text strings.Builder
	text.WriteString("*raw\n")
	if untracked {
		text.WriteString("-A PREROUTING -p udp --dport 54 -j CT --notrack\n")
	}
	text.WriteString("COMMIT\n*mangle\n")
	for _, rule := range rules {
		text.WriteString("-A PREROUTING " + rule + "\n")
	}
	return text.String() + "COMMIT\n"
}

// TestSecondPackets: if two sides are equivalent, they do the same with later packets of a connection
// too, unless IPVS has the connection since its first packet.
func TestSecondPackets(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip", "sysctl", "iptables-nft-restore")
	t.Parallel()
	ports := []uint16{53, 54, 55, 56}
	old, changed := newAnswerer(t, ports), newAnswerer(t, ports)
	count := map[string]int{}
	for i := range max(cases(40), 40) { // fewer do not show each answer
		seed, r := random(i)
		rules := stateRules(r)
		other := slices.Clone(rules)
		at := r.IntN(len(other))
		if r.IntN(2) == 0 {
			other = slices.Delete(other, at, at+1)
		} else {
			other[at] = pickOf(r, stateRules(r))
		}
		untracked := r.IntN(6) == 0
		texts := [2]string{stateTables(rules, untracked), stateTables(other, untracked)}
		result := exact.Compare(servedSide(t, texts[0]), servedSide(t, texts[1]), exact.Scope{})
		switch {
		case len(result.Differences) > 0:
			count["different"]++
			continue
		case len(result.Unproven) > 0:
			count["not proven"]++
			continue
		}
		count["equivalent"]++
		old.load(t, texts[0])
		changed.load(t, texts[1])
		before, after := old.marks(t, uint16(4000+i), ports), changed.marks(t, uint16(4000+i), ports)
		for _, port := range ports {
			if before[port][0] == servedMark && after[port][0] == servedMark {
				count["served"]++
				continue // with IPVS, it has the connection
			}
			count["not served"]++
			for turn, mark := range before[port] {
				now := after[port][turn]
				same := (mark == servedMark) == (now == servedMark) && (mark == -1) == (now == -1)
				assert.True(t, same, "%s: packet %d of port %d: mark %d, and %d\n%s\n%s", seed, turn+1, port, mark, now, texts[0], texts[1])
			}
		}
	}
	t.Log(count)
	for _, answer := range []string{"different", "not proven", "equivalent", "served", "not served"} {
		assert.NotZero(t, count[answer], answer)
	}
}

// servedSide returns the rules with a service of mark 21.
func servedSide(t *testing.T, rules string) exact.Side {
	t.Helper()
	c, err := importer.Read("save", strings.NewReader(rules))
	require.NoError(t, err)
	require.Empty(t, c.NotUnderstood)
	server := oldconfig.RealServer{Destination: ipvs.Destination{Address: netip.MustParseAddr("10.9.0.1"), Weight: 1}}
	service := &oldconfig.Service{Family: config.IPv4, Mark: servedMark, Scheduler: "rr", RealServers: []oldconfig.RealServer{server}}
	return exact.Side{Chains: c.Chains, Services: []*oldconfig.Service{service}}
}
