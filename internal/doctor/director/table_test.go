package director_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/sysctl"
)

// TestConntrackTable fills the table of connection tracking up to 80 %, less one connection. Then
// it adds that one.
func TestConntrackTable(t *testing.T) {
	inDirector(t, func() {
		run(t, "nft add table ip track; nft add chain ip track out { type filter hook output priority 0;}; nft add rule ip track out ct state new accept")
		text, err := sysctl.Read("net.netfilter.nf_conntrack_max")
		require.NoError(t, err)
		size, err := strconv.Atoi(text)
		require.NoError(t, err)
		// The kernel's 30 s may end before the table is read.
		run(t, "sysctl -qw net.netfilter.nf_conntrack_udp_timeout=3600")
		const most = 300_000 // these take seconds
		if size > most {
			t.Skipf("needs a limit of connection tracking up to %d, which is %d", most, size)
		}
		first := (size*80 + 99) / 100
		connect(t, "127.0.0.1", first-1)
		assert.Empty(t, findings(t, "conntrack-table"))
		connect(t, "127.0.0.2", 1)
		assert.Equal(t, []string{fmt.Sprintf("conntrack-table: %d of %d connections are tracked", first, size)}, findings(t, "conntrack-table"))
	})
}

// TestIPVSTable fills the connection table of IPVS with two entries for each row, then with one
// more.
func TestIPVSTable(t *testing.T) {
	need.IPVS(t)
	need.Programs(t, "ipvsadm")
	inDirector(t, func() {
		run(t, "ip address add 198.51.100.99/32 dev wan; ipvsadm -A -f 99 -s rr; ipvsadm -a -f 99 -r 10.0.0.11 -m; "+
			"nft add table ip clients; nft add chain ip clients out { type route hook output priority mangle;}; nft add rule ip clients out ip daddr 198.51.100.99 meta mark set 99")
		var h host.Host
		h.ReadDirector("/", parse(t, spec))
		state, err := h.IPVS.Get()
		require.NoError(t, err)
		require.NotZero(t, state.TableSize)
		connect(t, "198.51.100.99", 2*state.TableSize)
		assert.Empty(t, findings(t, "ipvs-table"))
		connect(t, "198.51.100.99", 1)
		assert.Equal(t, []string{fmt.Sprintf("ipvs-table: the connection table of IPVS has %d rows and %d entries", state.TableSize, 2*state.TableSize+1)}, findings(t, "ipvs-table"))
	})
}

// connect begins n connections of UDP with an address, whose ports need no server. The kernel
// refuses one whose row of the table is too long (__nf_conntrack_confirm in
// net/netfilter/nf_conntrack_core.c): then another one takes its place.
func connect(t *testing.T, address string, n int) {
	t.Helper()
	const ports = 30000 // below those of the sockets, to which a packet would be an answer
	for n > 0 {
		socket, err := net.ListenUDP("udp4", nil)
		require.NoError(t, err)
		defer socket.Close()
		begun := 0
		for port := uint16(1); port <= ports && n > 0; port++ {
			_, err := socket.WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(netip.MustParseAddr(address), port))
			if errors.Is(err, unix.EPERM) {
				continue
			}
			require.NoError(t, err)
			begun, n = begun+1, n-1
		}
		require.Positive(t, begun, "the kernel refuses all connections")
	}
}

// findings returns the findings of one check.
func findings(t *testing.T, check string) []string {
	t.Helper()
	all := texts(examine(t, spec, files(), nil))
	return slices.DeleteFunc(all, func(text string) bool { return !strings.HasPrefix(text, check+": ") })
}
