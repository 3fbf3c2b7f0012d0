package equivalence

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
)

// recipe is Red Hat's recipe for iptables, which lvsmark replaces. Words in capitals
// are placeholders; PORTS is LOW:HIGH.
const recipe = `
iptables -t mangle -A PREROUTING -p tcp -d VIP --dport 21   -j MARK --set-mark 21
iptables -t mangle -A PREROUTING -p tcp -d VIP --dport PORTS -j MARK --set-mark 21
iptables -t nat    -A POSTROUTING -p tcp -s NETWORK --sport 20 -j MASQUERADE
`

type family struct {
	family       config.Family
	program      string
	vip, network string
	server       string
}

func families() []family {
	return []family{
		{config.IPv4, "iptables-legacy", "198.51.100.21", "10.0.0.0/24", "10.0.0.11"},
		{config.IPv6, "ip6tables-legacy", "2001:db8::21", "fd00::/64", "fd00::11"},
	}
}

// TestRecipe sends a TCP packet to each port of the VIP and of the adjacent addresses,
// and a UDP packet to each port of the VIP, through the recipe's rules and through
// lvsmark's: both set the same mark.
func TestRecipe(t *testing.T) {
	need.NFTables(t)
	t.Parallel()
	lvsmark := newProgram(t)
	for _, f := range families() {
		for _, ports := range []string{"10000-20000", "1024-65535"} {
			t.Run(fmt.Sprintf("%s/%s", f.family, ports), func(t *testing.T) {
				need.Programs(t, "nft", f.program)
				if testing.Short() && (ports == "1024-65535" || f.family == config.IPv6) {
					t.Skip("slow: skipped by -short")
				}
				low, high := portsOf(t, ports)

				byRecipe, byLVSMark := newSite(t), newSite(t)
				runRecipe(t, byRecipe, f, ports)
				lvsmark.apply(t, byLVSMark.Namespace, fmt.Sprintf(`
clusters:
  - name: ftp
    mark: 21
    vips: ["%s"]
    ftp: {passive-ports: %s, active-data: {source: %s}}
    real-servers: [{address: "%s"}]
director: {bind: false}
`, f.vip, ports, f.network, f.server))

				vip := netip.MustParseAddr(f.vip)
				for _, c := range []struct {
					to       netip.Addr
					protocol uint8
					marked   int
				}{
					{vip, unix.IPPROTO_TCP, 1 + int(high) - int(low) + 1},
					{vip.Prev(), unix.IPPROTO_TCP, 0},
					{vip.Next(), unix.IPPROTO_TCP, 0},
					{vip, unix.IPPROTO_UDP, 0},
				} {
					packets := everyPort(c.to, c.protocol)
					want, got := observe(t, byRecipe, packets), observe(t, byLVSMark, packets)
					assertSame(t, want, got)
					assert.Equal(t, marks(21, c.marked, len(packets)), got.Count(), "packets by mark: %s", packets[0])
				}
			})
		}
	}
}

func portsOf(t *testing.T, text string) (low, high uint16) {
	t.Helper()
	_, err := fmt.Sscanf(text, "%d-%d", &low, &high)
	require.NoError(t, err)
	return low, high
}

// runRecipe runs the recipe's commands. They use a separate lock file instead of the
// host's.
func runRecipe(t *testing.T, s *Site, f family, ports string) {
	t.Helper()
	lock := "XTABLES_LOCKFILE=" + filepath.Join(t.TempDir(), "lock")
	vip := netip.MustParseAddr(f.vip)
	text := strings.NewReplacer(
		"VIP", netip.PrefixFrom(vip, vip.BitLen()).String(),
		"PORTS", strings.ReplaceAll(ports, "-", ":"),
		"NETWORK", f.network,
	).Replace(recipe)
	for command := range strings.Lines(strings.TrimSpace(text)) {
		_, err := s.Run("", "env", append([]string{lock, f.program}, strings.Fields(command)[1:]...)...)
		require.NoError(t, err)
	}
}

// everyPort returns a packet to each of the 65,536 ports.
func everyPort(to netip.Addr, protocol uint8) []Packet {
	packets := make([]Packet, 1<<16)
	for i := range packets {
		packets[i] = Packet{to, protocol, uint16(i)}
	}
	return packets
}

// marks returns the expected Count if marked packets of all have the mark.
func marks(mark uint32, marked, all int) map[uint32]int {
	m := map[uint32]int{0: all - marked}
	if marked > 0 {
		m[mark] = marked
	}
	return m
}
