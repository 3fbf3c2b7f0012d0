package oldservices

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/equivalence"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/ipvs"
)

// clients is the number of clients that send packets to each point, each from two ports.
const (
	clients    = 20
	firstPort  = 40000
	secondPort = 50000
)

// observer records packets behind IPVS and translations: source, destination, protocol; and
// the source port of those from clients, which has the number of the point.
const observer = `table ip observer {
	set seen { type ipv4_addr . ipv4_addr . inet_proto; flags dynamic; size 65535; }
	set points { type ipv4_addr . ipv4_addr . inet_service; flags dynamic; size 65535; }
	chain postrouting {
		type filter hook postrouting priority 300; policy accept;
		update @seen { ip saddr . ip daddr . ip protocol }
		ip saddr 203.0.113.0/24 ip protocol tcp update @points { ip saddr . ip daddr . tcp sport }
	}
}
`

// newSite returns a director without rules and services. The real servers are behind the
// device that the packets come from, and do not answer.
func newSite(t *testing.T, vips []string) *equivalence.Site {
	t.Helper()
	s, err := equivalence.NewSite()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	commands := []string{"ip link set lo up", "ip address add 10.0.0.1/24 dev wire", "ip route add default dev wire"}
	for _, v := range vips {
		commands = append(commands, "ip address add "+v+"/32 dev lo")
	}
	for _, c := range commands {
		words := strings.Fields(c)
		_, err := s.Run("", words[0], words[1:]...)
		require.NoError(t, err)
	}
	return s
}

func set(t *testing.T, s *equivalence.Site, name, value string) {
	t.Helper()
	require.NoError(t, s.Do(func() error { return sysctl.Write(name, value) }))
}

// serve binds the services of a spec.
func serve(t *testing.T, s *equivalence.Site, spec *config.Spec) {
	t.Helper()
	require.NoError(t, s.Commit(spec))
	require.NoError(t, s.Do(func() error {
		conn, err := ipvs.Open()
		if err != nil {
			return err
		}
		defer conn.Close()
		for _, err := range conn.Apply(ipvs.Diff(nil, ipvs.Compile(spec))...) {
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// send sends the first packets of two connections from each client to each point, and observes
// them. In random order, a scheduler sends a client to the same real server by chance only.
func send(t *testing.T, s *equivalence.Site, points []netip.AddrPort) {
	t.Helper()
	require.NoError(t, s.Load(observer))
	for _, n := range rand.New(rand.NewPCG(1, 1)).Perm(2 * clients * len(points)) {
		i, c, from := n/2/clients, n/2%clients, []int{firstPort, secondPort}[n%2]
		require.NoError(t, s.Inject(syn(netip.AddrPortFrom(clientAddress(c), uint16(from+i)), points[i])))
	}
}

func clientAddress(i int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, byte(1 + i)}) }

// syn returns a TCP segment with SYN (RFC 791, RFC 9293).
func syn(from, to netip.AddrPort) []byte {
	b := make([]byte, 40)
	b[0], b[8], b[9], b[32], b[33] = 0x45, 64, 6, 5<<4, 2
	binary.BigEndian.PutUint16(b[2:], 40)
	copy(b[12:], from.Addr().AsSlice())
	copy(b[16:], to.Addr().AsSlice())
	binary.BigEndian.PutUint16(b[10:], sum(b[:20], 0))
	binary.BigEndian.PutUint16(b[20:], from.Port())
	binary.BigEndian.PutUint16(b[22:], to.Port())
	binary.BigEndian.PutUint16(b[34:], 0xffff)
	binary.BigEndian.PutUint16(b[36:], sum(b[12:], 6+20)) // with the pseudo header
	return b
}

func sum(b []byte, n uint32) uint16 {
	for ; len(b) > 1; b = b[2:] {
		n += uint32(binary.BigEndian.Uint16(b))
	}
	return ^uint16(n&0xffff + n>>16)
}

// A sight is what a director has done with the packets.
type sight struct {
	Servers map[string][]string // of a point: the real servers that got packets
	Sticky  map[string]bool     // of two points, or of one: each client has the same real server
	Sent    []string            // packets behind IPVS
}

// seen reads what a director has done.
func seen(t *testing.T, s *equivalence.Site, points []netip.AddrPort) sight {
	t.Helper()
	// A read may miss entries while connections of other namespaces end.
	table, err := s.Run("", "cat", "/proc/net/ip_vs_conn", "/proc/net/ip_vs_conn", "/proc/net/ip_vs_conn")
	require.NoError(t, err)
	of, again := map[netip.AddrPort]map[netip.Addr]string{}, map[netip.AddrPort]map[netip.Addr]string{}
	for line := range strings.Lines(table) {
		words := strings.Fields(line)
		if len(words) < 8 || words[0] != "TCP" || words[2] == "0000" { // a template has no port
			continue
		}
		from, to, servers := endpoint(t, words[1], words[2]), endpoint(t, words[3], words[4]), of
		if from.Port() >= secondPort {
			servers = again
		}
		if servers[to] == nil {
			servers[to] = map[netip.Addr]string{}
		}
		servers[to][from.Addr()] = endpoint(t, words[5], words[6]).String()
	}
	v := sight{Servers: map[string][]string{}, Sticky: map[string]bool{}, Sent: append(sent(t, s, "seen"), sent(t, s, "points")...)}
	for i, p := range points {
		v.Servers[p.String()] = slices.Compact(slices.Sorted(maps.Values(of[p])))
		v.Sticky[p.String()] = len(of[p]) == clients && len(again[p]) == clients && sameServers(of[p], again[p])
		for _, q := range points[:i] {
			v.Sticky[p.String()+" "+q.String()] = len(of[p]) == clients && len(of[q]) == clients && sameServers(of[p], of[q])
		}
	}
	return v
}

func sameServers(a, b map[netip.Addr]string) bool {
	for client, server := range a {
		if host(server) != host(b[client]) {
			return false
		}
	}
	return true
}

func host(endpoint string) string {
	h, _, _ := strings.Cut(endpoint, ":")
	return h
}

func endpoint(t *testing.T, address, port string) netip.AddrPort {
	t.Helper()
	a, err := hex.DecodeString(address)
	require.NoError(t, err)
	p, err := hex.DecodeString(port)
	require.NoError(t, err)
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a)), binary.BigEndian.Uint16(p))
}

// sent returns a set of the packets to real servers and tunnels that left, with the clients
// as one.
func sent(t *testing.T, s *equivalence.Site, set string) []string {
	t.Helper()
	text, err := s.Run("", "nft", "list", "set", "ip", "observer", set)
	require.NoError(t, err)
	_, elements, _ := strings.Cut(text, "elements = {")
	var list []string
	scanner := bufio.NewScanner(strings.NewReader(strings.NewReplacer(",", "\n", "}", "\n").Replace(elements)))
	for scanner.Scan() {
		words := strings.Split(strings.TrimSpace(scanner.Text()), " . ")
		if len(words) != 3 || strings.HasPrefix(words[1], "203.0.113.") { // answers of the director
			continue
		}
		if strings.HasPrefix(words[0], "203.0.113.") {
			words[0] = "client"
		}
		list = append(list, fmt.Sprint(words))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// cases returns the number of pairs, and the first seed.
func cases(t *testing.T) (n, seed uint64) {
	t.Helper()
	n, seed = 12, 1
	for name, to := range map[string]*uint64{"LVSMARK_PAIRS": &n, "LVSMARK_SEED": &seed} {
		if text := os.Getenv(name); text != "" {
			_, err := fmt.Sscan(text, to)
			require.NoError(t, err, name)
		}
	}
	return n, seed
}
