package integration_test

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
)

// otherPrograms are rulesets of other programs, with rules that change the marks of packets
// to the VIP between lvsmark's chain and IPVS, as an operator adds them: an external IP of a
// service, a rich rule, a mark for policy routing.
var otherPrograms = map[string]struct{ file, iptables, nft string }{
	"kube-proxy":     {file: "kube-proxy.rules", iptables: "*nat\n-I KUBE-SERVICES -d 198.51.100.21/32 -p tcp -j KUBE-MARK-MASQ\nCOMMIT\n"},
	"kube-proxy nft": {file: "kube-proxy.nft", nft: "table ip kube-proxy { chain external { type filter hook prerouting priority -50; meta mark set meta mark | 0x4000; }; }"},
	"firewalld": {file: "firewalld.nft", nft: "add rule inet firewalld mangle_PREROUTING tcp dport 21 meta mark set 7\ninsert rule inet firewalld filter_INPUT tcp dport 21 accept\n" +
		"add chain inet firewalld mangle_input { type filter hook input priority -140; }\nadd rule inet firewalld mangle_input meta mark set 8"},
	"tailscale": {file: "tailscale.rules", iptables: "*mangle\n-A PREROUTING -j MARK --set-xmark 0x40000/0xff0000\n-A INPUT -j CONNMARK --restore-mark\nCOMMIT\n"},
}

// TestKeepMarks: with keep-marks, packets have their mark when IPVS sees them, whatever other
// programs do and whichever is loaded first. Without it they do not.
func TestKeepMarks(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "ip", "nft", "iptables-nft-restore")
	const spec = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], vip-device: wan, ftp: , real-servers: [{address: 10.0.0.11}]}]\n"
	require.Equal(t, "198.51.100.21", lab.VIP(config.IPv4).String())
	for name, program := range otherPrograms {
		for _, first := range []bool{true, false} {
			t.Run(name+map[bool]string{true: " first", false: " last"}[first], func(t *testing.T) {
				l := lab.New(t, lab.Options{Families: []config.Family{config.IPv4}, RealServers: 1})
				for _, keep := range []string{"true", "false"} {
					apply := func() {
						require.NoError(t, l.Apply(spec+"director: {bind: false, keep-marks: "+keep+"}\n"))
					}
					_, err := l.Director.Run("nft", "flush", "ruleset")
					require.NoError(t, err)
					if first {
						loadProgram(t, l.Director, program.file, program.iptables, program.nft)
					}
					apply()
					if !first {
						loadProgram(t, l.Director, program.file, program.iptables, program.nft)
					}
					assert.Equal(t, keep == "true", arrivesMarked(t, l), "keep-marks: %s", keep)
				}
			})
		}
	}
}

func loadProgram(t *testing.T, h *lab.Host, file, iptables, nft string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "nft", "testdata", "programs", file))
	require.NoError(t, err)
	load := []string{"nft", "-f", "-"}
	if strings.HasSuffix(file, ".rules") {
		load = []string{"iptables-nft-restore", "--noflush"}
	}
	for _, rules := range []string{string(text), iptables + nft} {
		_, err = h.RunInput(rules, load[0], load[1:]...)
		require.NoError(t, err)
	}
}

// arrivesMarked connects to the VIP and reports whether the packet has its mark where IPVS
// schedules it.
func arrivesMarked(t *testing.T, l *lab.Lab) bool {
	t.Helper()
	_, err := l.Director.RunInput("table ip probe { chain c { type filter hook input priority 99; tcp dport 21 counter; tcp dport 21 meta mark 21 counter; }; }", "nft", "-f", "-")
	require.NoError(t, err)
	require.NoError(t, l.Client.Do(func() error {
		connection, err := net.DialTimeout("tcp", netip.AddrPortFrom(lab.VIP(config.IPv4), 21).String(), successTimeout)
		if err == nil {
			connection.Close()
		}
		return nil // nothing listens
	}))
	listing, err := l.Director.Run("nft", "list", "table", "ip", "probe")
	require.NoError(t, err)
	var packets []string
	for line := range strings.Lines(listing) {
		if _, counter, ok := strings.Cut(line, "counter packets "); ok {
			packets = append(packets, strings.Fields(counter)[0])
		}
	}
	require.Len(t, packets, 2, listing)
	require.NotEqual(t, "0", packets[0], "no packet arrived")
	return packets[0] == packets[1]
}
