package vsftpd_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render/vsftpd"
)

func cluster(change func(*config.Cluster)) *config.Cluster {
	c := &config.Cluster{
		Name: "ftp", Mark: 21, VIPs: config.SingleAddresses(netip.MustParseAddr("198.51.100.21")),
		FTP: &config.FTP{
			ControlPorts: []uint16{21},
			PassivePorts: []config.PortRange{{Protocol: config.TCP, Low: 10000, High: 20000}},
			Active:       &config.ActiveData{Ports: []uint16{20}},
		},
	}
	if change != nil {
		change(c)
	}
	return c
}

func addVIP(c *config.Cluster, vip string) {
	c.VIPs = append(c.VIPs, config.SingleAddress(netip.MustParseAddr(vip)))
}

func withoutActive(c *config.Cluster) { c.FTP.Active = nil }

func fragment(t *testing.T, c *config.Cluster) string {
	t.Helper()
	text, err := vsftpd.Fragment(c)
	require.NoError(t, err)
	return text
}

// settings returns the lines that are not comments.
func settings(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestFragmentSettings(t *testing.T) {
	passive := []string{"pasv_min_port=10000", "pasv_max_port=20000"}
	vip, active := "pasv_address=198.51.100.21", "connect_from_port_20=YES"
	tests := map[string]struct {
		change func(*config.Cluster)
		want   []string
	}{
		"the recipe": {nil, append(passive, vip, active)},
		"source-nat": {func(c *config.Cluster) { c.SourceNAT = config.SourceNATMasquerade }, append(passive, vip, active)},
		"direct": {func(c *config.Cluster) {
			c.Forwarding = config.Direct
			withoutActive(c)
		}, append(passive, active)},
		"nat and direct": {func(c *config.Cluster) {
			c.RealServers = []config.RealServer{{Forwarding: config.Direct}, {Forwarding: config.NAT}}
		}, append(passive, vip, active)},
		"direct for each real server": {func(c *config.Cluster) {
			c.RealServers = []config.RealServer{{Forwarding: config.Direct}, {Forwarding: config.Tunnel}}
			withoutActive(c)
		}, append(passive, active)},
		"the widest range": {func(c *config.Cluster) {
			c.FTP.PassivePorts = []config.PortRange{{Protocol: config.TCP, Low: 1, High: 1100}, {Protocol: config.TCP, Low: 10000, High: 20000}, {Protocol: config.TCP, Low: 30000, High: 30100}}
		}, append(passive, vip, active)},
		"IPv6 only": {func(c *config.Cluster) {
			c.VIPs = nil
			addVIP(c, "2001:db8::21")
		}, append(passive, active)},
		"first IPv4 VIP": {func(c *config.Cluster) {
			c.VIPs = []config.AddressRange{config.SingleAddress(netip.MustParseAddr("2001:db8::21")), c.VIPs[0]}
			addVIP(c, "198.51.100.22")
		}, append(passive, vip, active)},
		"implicit TLS beside plain": {func(c *config.Cluster) {
			c.FTP.ControlPorts = []uint16{990, 21}
			c.FTP.Active.Ports = []uint16{989, 20}
		}, append(passive, vip, active)},
		"implicit TLS alone": {func(c *config.Cluster) {
			c.FTP.ControlPorts = []uint16{990}
			c.FTP.Active.Ports = []uint16{989}
		}, append([]string{"listen_port=990", "ssl_enable=YES", "implicit_ssl=YES"},
			append(passive, vip, active, "ftp_data_port=989")...)},
		"another control port": {func(c *config.Cluster) {
			c.FTP.ControlPorts = []uint16{990, 2121, 2122}
			c.FTP.Active.Ports = []uint16{2020}
		}, append([]string{"listen_port=2121"}, append(passive, vip, active, "ftp_data_port=2020")...)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, settings(fragment(t, cluster(test.change))))
		})
	}
}

func TestFragmentExplains(t *testing.T) {
	several := fragment(t, cluster(func(c *config.Cluster) { addVIP(c, "198.51.100.22") }))
	assert.Contains(t, several, "only one of the cluster's 2 IPv4 VIPs")

	implicit := fragment(t, cluster(func(c *config.Cluster) {
		c.FTP.ControlPorts = []uint16{21, 990}
		c.FTP.Active.Ports = []uint16{20, 989}
	}))
	assert.Contains(t, implicit, "# Port 990 (implicit TLS) needs a vsftpd of its own: a copy of this configuration, and in it\n"+
		"#   listen_port=990\n#   ssl_enable=YES\n#   implicit_ssl=YES\n#   ftp_data_port=989\n")

	inside := fragment(t, cluster(func(c *config.Cluster) { c.FTP.ControlPorts = []uint16{21, 10021} }))
	assert.Contains(t, inside, "# Port 10021 is the listener's")

	low := fragment(t, cluster(func(c *config.Cluster) { c.FTP.PassivePorts[0].Low = 20 }))
	assert.Contains(t, low, "# vsftpd begins at 1024")
	assert.NotContains(t, low, "# Port 21 is the listener's")

	untranslated := fragment(t, cluster(withoutActive))
	assert.NotContains(t, untranslated, "translates")
}

func TestFragmentRefuses(t *testing.T) {
	_, err := vsftpd.Fragment(cluster(func(c *config.Cluster) { c.FTP.PassivePorts[0].Low, c.FTP.PassivePorts[0].High = 900, 1023 }))
	require.ErrorContains(t, err, "cluster ftp: vsftpd supports no passive port below 1024")

	_, err = vsftpd.Fragment(cluster(func(c *config.Cluster) { c.FTP = nil }))
	require.ErrorContains(t, err, "cluster ftp is not an FTP cluster")
}

func TestFragmentIsStrict(t *testing.T) {
	for line := range strings.Lines(fragment(t, cluster(func(c *config.Cluster) {
		c.FTP.ControlPorts = []uint16{21, 990, 2121}
		addVIP(c, "198.51.100.22")
	}))) {
		// vsftpd refuses blanks around '=' and reads a blank before '#' as a setting.
		assert.Regexp(t, `^(#.*\S|[a-z0-9_]+=[A-Za-z0-9.]+)?\n$`, line)
	}
}

// TestFragmentExplainsDifferences: comments name what differs from a cluster of one method and range.
func TestFragmentExplainsDifferences(t *testing.T) {
	text := fragment(t, cluster(func(c *config.Cluster) {
		c.RealServers = []config.RealServer{{Forwarding: config.Direct}, {Forwarding: config.NAT}}
		c.FTP.PassivePorts = append(c.FTP.PassivePorts, config.PortRange{Protocol: config.TCP, Low: 30000, High: 30100})
	}))
	assert.Contains(t, text, "vsftpd supports one range")
	assert.Contains(t, text, "A real server with direct or tunnel forwarding")
	assert.NotContains(t, fragment(t, cluster(nil)), "tunnel")
	assert.NotContains(t, fragment(t, cluster(nil)), "one range")
}
