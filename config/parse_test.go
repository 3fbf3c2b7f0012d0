package config

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// parseValid parses a spec without mistakes, and returns its notes as lines.
func parseValid(t *testing.T, text string) (*Spec, []string) {
	t.Helper()
	spec, notes, err := Parse("f", strings.NewReader(text))
	require.NoError(t, err)
	var lines []string
	for _, note := range notes {
		lines = append(lines, note.String())
	}
	return spec, lines
}

// oneCluster returns a spec of one cluster that has these lines too.
func oneCluster(lines ...string) string {
	return "clusters:\n  - name: a\n    mark: 1\n    vips: [192.0.2.1]\n    real-servers: [{address: 10.0.0.1}]\n    " +
		strings.Join(lines, "\n    ") + "\n"
}

func addrs(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestParseDefaults(t *testing.T) {
	want := &Spec{
		Clusters: []Cluster{{
			Name: "a",
			Mark: 1,
			VIPs: SingleAddresses(addrs("192.0.2.1")...),
			FTP: &FTP{
				ControlPorts: []uint16{21},
				PassivePorts: []PortRange{{TCP, 10000, 20000}},
				Active:       &ActiveData{Masquerade, prefixes("10.0.0.1/32"), []uint16{20}},
			},
			Scheduler:   "wlc",
			Persistence: 5 * time.Minute,
			RealServers: []RealServer{{Address: netip.MustParseAddr("10.0.0.1"), Weight: 1}},
		}},
		Director: Director{Table: "lvsmark", Bind: true, IPForward: true},
	}
	for _, ftp := range []string{"ftp:", "ftp: {}", "ftp: ~", "ftp: {active-data: }", "ftp: {active-data: {}}"} {
		for _, director := range []string{"", "director:", "director: {}", "director: {sysctls: , ipvs-timeouts: {}}"} {
			spec, notes := parseValid(t, oneCluster(ftp)+director+"\n")
			assert.Equal(t, want, spec)
			assert.Empty(t, notes)
		}
	}
}

func TestParseForwarding(t *testing.T) {
	for text, want := range map[string]Forwarding{"nat": NAT, "direct": Direct, "tunnel": Tunnel} {
		spec, _ := parseValid(t, oneCluster("ftp:", "forwarding: "+text))
		cluster := spec.Clusters[0]
		assert.Equal(t, want, cluster.Forwarding)
		assert.Equal(t, want == NAT, cluster.FTP.Active != nil)
		assert.Equal(t, want == NAT, spec.Director.IPForward)
	}
	spec, _ := parseValid(t, oneCluster("ports: [80]")+"director: {ip-forward: false, bind: false, table: _t1}\n")
	assert.Equal(t, Director{Table: "_t1"}, spec.Director)
}

func TestParseNumbersAndDurations(t *testing.T) {
	for text, want := range map[string]uint32{"1": 1, "0x15": 21, "0xffffffff": 1<<32 - 1, "4294967295": 1<<32 - 1, "0x0015": 21} {
		spec, _ := parseValid(t, strings.Replace(oneCluster("ports: [1]"), "mark: 1", "mark: "+text, 1))
		assert.Equal(t, want, spec.Clusters[0].Mark)
	}
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "5m": 5 * time.Minute, "300s": 5 * time.Minute, "2h": 2 * time.Hour,
		"1h30m": 90 * time.Minute, "1h1s": time.Hour + time.Second, "744h": maxPersistence, `"5m"`: 5 * time.Minute,
	} {
		spec, _ := parseValid(t, oneCluster("ports: [1]", "persistence: "+text))
		assert.Equal(t, want, spec.Clusters[0].Persistence, text)
	}
}

func TestParsePorts(t *testing.T) {
	spec, _ := parseValid(t, oneCluster(`ports: [80, 8000-8100, tcp/443, udp/443, udp/5000-5001, 0x51, "82", 65535]`))
	assert.Equal(t, []PortRange{
		{TCP, 80, 80}, {TCP, 8000, 8100}, {TCP, 443, 443}, {UDP, 443, 443}, {UDP, 5000, 5001}, {TCP, 81, 81}, {TCP, 82, 82}, {TCP, 65535, 65535},
	}, spec.Clusters[0].Ports)
	assert.Equal(t, []PortRange{
		{TCP, 8000, 8100}, {TCP, 80, 82}, {UDP, 5000, 5001}, {TCP, 443, 443}, {TCP, 65535, 65535}, {UDP, 443, 443},
	}, spec.Clusters[0].MarkedPorts())

	spec, _ = parseValid(t, oneCluster("ftp: {control-ports: [21, 990], passive-ports: 1024-65535}"))
	assert.Equal(t, []PortRange{{TCP, 1024, 65535}, {TCP, 21, 21}, {TCP, 990, 990}}, spec.Clusters[0].MarkedPorts())

	spec, _ = parseValid(t, oneCluster("ftp: {passive-ports: 5000}"))
	assert.Equal(t, []PortRange{{TCP, 5000, 5000}}, spec.Clusters[0].FTP.PassivePorts)

	spec, _ = parseValid(t, oneCluster("ftp: {passive-ports: [5000, 6000-6100, 7000-7050]}"))
	assert.Equal(t, []PortRange{{TCP, 5000, 5000}, {TCP, 6000, 6100}, {TCP, 7000, 7050}}, spec.Clusters[0].FTP.PassivePorts)
	assert.Equal(t, []PortRange{{TCP, 6000, 6100}, {TCP, 7000, 7050}, {TCP, 21, 21}, {TCP, 5000, 5000}}, spec.Clusters[0].MarkedPorts())
	assert.Equal(t, PortRange{TCP, 6000, 6100}, spec.Clusters[0].FTP.PassiveRange())

	spec, notes := parseValid(t, oneCluster("ftp: {passive-ports: [900-1050, 2000-2050, 512]}"))
	assert.Equal(t, PortRange{TCP, 2000, 2050}, spec.Clusters[0].FTP.PassiveRange())
	assert.Equal(t, []string{
		"f:6:27: passive ports 900-1023: vsftpd, proftpd and pure-ftpd use no port below 1024 for data; choose higher passive-ports",
		"f:6:48: passive ports 512: vsftpd, proftpd and pure-ftpd use no port below 1024 for data; choose higher passive-ports",
	}, notes)

	spec, _ = parseValid(t, oneCluster("ports: [sctp/2905, 2905, sctp/36412-36422]"))
	assert.Equal(t, []PortRange{{SCTP, 2905, 2905}, {TCP, 2905, 2905}, {SCTP, 36412, 36422}}, spec.Clusters[0].Ports)
	assert.Equal(t, "[sctp/36412-36422 2905 sctp/2905]", fmt.Sprint(spec.Clusters[0].MarkedPorts()))

	spec, _ = parseValid(t, oneCluster("ports: [all]"))
	assert.Equal(t, []PortRange{AllPorts()}, spec.Clusters[0].Ports)
	assert.Equal(t, []PortRange{AllPorts()}, spec.Clusters[0].MarkedPorts())
	assert.Equal(t, "[all]", fmt.Sprint(spec.Clusters[0].MarkedPorts()))
}

func TestParseActiveData(t *testing.T) {
	for text, want := range map[string][]netip.Prefix{
		"10.0.0.0/24":                  prefixes("10.0.0.0/24"),
		"10.0.0.1":                     prefixes("10.0.0.1/32"),
		"[10.0.0.0/24, 10.1.0.1]":      prefixes("10.0.0.0/24", "10.1.0.1/32"),
		`["10.0.0.0/31", 10.0.0.2/31]`: prefixes("10.0.0.0/31", "10.0.0.2/31"),
	} {
		spec, notes := parseValid(t, oneCluster("ftp: {active-data: {translate: snat, source: "+text+", ports: [20, 989]}}"))
		assert.Equal(t, &ActiveData{SNAT, want, []uint16{20, 989}}, spec.Clusters[0].FTP.Active)
		assert.Empty(t, notes)
	}
}

func TestParseBothFamilies(t *testing.T) {
	spec, notes := parseValid(t, `
clusters:
  - name: both
    mark: 21
    vips: [192.0.2.1, 2001:db8::1, "2001:db8::", 192.0.2.2]
    ftp:
    real-servers:
      - {name: four, address: 10.0.0.1, weight: 0}
      - {name: six, address: fd00::1, weight: 65535}
  - name: four       # the same mark, in no common family
    mark: 0x16
    vips: [192.0.2.3]
    ports: [80]
    real-servers: [{address: 10.0.0.1}, {address: 192.0.2.9}]
  - name: six
    mark: 22
    vips: [2001:db8::3]
    ports: [80]
    persistence-netmask: 64
    real-servers: [{address: fd00::1}]
`)
	assert.Equal(t, []string{"f:8:7: every IPv4 real server has weight 0; the cluster takes no new IPv4 connections"}, notes)
	assert.Equal(t, prefixes("10.0.0.1/32", "fd00::1/128"), spec.Clusters[0].FTP.Active.Sources)
	assert.Equal(t, SingleAddresses(addrs("2001:db8::1", "2001:db8::")...), spec.Clusters[0].VIPsOf(IPv6))
	assert.Equal(t, []RealServer{{Name: "six", Address: netip.MustParseAddr("fd00::1"), Weight: 65535}}, spec.Clusters[0].RealServersOf(IPv6))
	assert.Equal(t, 64, spec.Clusters[2].PersistenceNetmask)
}

// Clusters may share VIPs and real servers if their ports do not overlap and their
// translations agree.
func TestParseSharing(t *testing.T) {
	_, notes := parseValid(t, `
clusters:
  - {name: a, mark: 1, vips: [192.0.2.1], ftp: , real-servers: [{name: x, address: 10.0.0.1}]}
  - {name: b, mark: 2, vips: [192.0.2.1], ports: [20, 22-9999, udp/21], real-servers: [{name: x, address: 10.0.0.1}]}
  - {name: c, mark: 3, vips: [192.0.2.3], ftp: , real-servers: [{name: x, address: 10.0.0.1}]}
  - name: d
    mark: 4
    vips: [192.0.2.4]
    ftp: {active-data: {translate: snat, ports: [989]}}
    real-servers: [{address: 10.0.0.1}]
  - name: e
    mark: 5
    vips: [192.0.2.4]
    ftp: {control-ports: [990], passive-ports: 30000-30009, active-data: {translate: snat, ports: [989]}}
    real-servers: [{address: 10.0.0.1}]
`)
	assert.Empty(t, notes)
}

func TestParseSysctls(t *testing.T) {
	spec, _ := parseValid(t, oneCluster("ports: [1]")+`
director:
  ip-forward: true
  sysctls:
    net/ipv4/conf/eth0.7/rp_filter: 0
    net.ipv4.tcp_rmem: 4096 131072 6291456
    net.ipv4.ip_forward: 1
    net.ipv4.conf.eth0/8.rp_filter: "2"
    net.ipv4.vs.sync_threshold: -1
    net.core.somaxconn: 0x10
  ipvs-timeouts: {tcp: 24h, udp: 576h}
`)
	assert.Equal(t, []Sysctl{
		{"net.core.somaxconn", "0x10"},
		{"net.ipv4.conf.eth0/7.rp_filter", "0"},
		{"net.ipv4.conf.eth0/8.rp_filter", "2"},
		{"net.ipv4.ip_forward", "1"},
		{"net.ipv4.tcp_rmem", "4096 131072 6291456"},
		{"net.ipv4.vs.sync_threshold", "-1"},
	}, spec.Director.Sysctls)
	assert.Equal(t, Timeouts{TCP: 24 * time.Hour, UDP: 24 * 24 * time.Hour}, spec.Director.Timeouts)
}

// JSON is valid YAML.
func TestParseJSON(t *testing.T) {
	spec, _ := parseValid(t, `{"clusters": [{"name": "a", "mark": 1, "vips": ["192.0.2.1"], "ports": [80, "udp/81"], "real-servers": [{"address": "10.0.0.1"}]}]}`)
	assert.Equal(t, []PortRange{{TCP, 80, 80}, {UDP, 81, 81}}, spec.Clusters[0].Ports)
}

func TestNotes(t *testing.T) {
	two := strings.NewReplacer("10.0.0.1}", "10.0.0.1}, {address: 10.0.0.2}")
	both := strings.NewReplacer("192.0.2.1", "192.0.2.1, 2001:db8::1", "10.0.0.1}", "10.0.0.1}, {address: fd00::1}")
	tests := []struct {
		name, text string
		want       []string
	}{
		{
			"passive range holds a control port", oneCluster("ftp: {control-ports: [21, 2121], passive-ports: 2000-3000}"),
			[]string{"f:6:53: passive-ports 2000-3000 hold the control port 2121; that changes nothing, both carry the same mark"},
		},
		{
			"default passive range holds a control port", oneCluster("ftp: {control-ports: [10021]}"),
			[]string{"f:6:27: passive-ports 10000-20000 hold the control port 10021; that changes nothing, both carry the same mark"},
		},
		{
			"netmask without persistence", oneCluster("ports: [1]", "persistence: 0", "persistence-netmask: 24"),
			[]string{"f:8:26: persistence-netmask changes nothing: persistence is 0"},
		},
		{
			"netmask in both families", both.Replace(oneCluster("ports: [1]", "persistence-netmask: 24")),
			[]string{"f:7:26: persistence-netmask 24 groups IPv6 clients by /24 too; a cluster for each family can have its own"},
		},
		{
			"FTP without persistence", two.Replace(oneCluster("ftp:", "persistence: 0")),
			[]string{"f:7:18: without persistence a data connection may reach another real server than its control connection"},
		},
		{"FTP without persistence, scheduled by source", two.Replace(oneCluster("ftp:", "persistence: 0", "scheduler: sh")), nil},
		{"FTP without persistence, one real server", oneCluster("ftp:", "persistence: 0"), nil},
		{
			"no weight", strings.Replace(oneCluster("ports: [1]"), "10.0.0.1", "10.0.0.1, weight: 0", 1),
			[]string{"f:5:19: every IPv4 real server has weight 0; the cluster takes no new IPv4 connections"},
		},
		{
			"real servers outside of the sources", two.Replace(oneCluster("ftp: {active-data: {source: [10.0.0.2, 9.0.0.0/8, 10.0.0.0]}}")),
			[]string{"f:5:30: active data of 10.0.0.1 is not translated: no source of active-data holds it"},
		},
		{"real servers outside of the sources, without translation", oneCluster("ftp: {active-data: {source: 9.0.0.0/8, translate: none}}"), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, notes := parseValid(t, test.text)
			assert.Equal(t, test.want, notes)
		})
	}
}

// firstLines has room for maxKeys known keys.
func TestKeyTables(t *testing.T) {
	for _, keys := range [][]string{
		keyNames(fileKeys), keyNames(clusterKeys), keyNames(ftpKeys), keyNames(activeKeys), keyNames(serverKeys),
		keyNames(directorKeys), keyNames(timeoutKeys),
	} {
		assert.LessOrEqual(t, len(keys), maxKeys, "%q", keys)
	}
}

// TestParseLoopback: with direct and tunnel a real server may be the director itself.
func TestParseLoopback(t *testing.T) {
	for _, forwarding := range []string{"direct", "tunnel"} {
		_, notes := parseValid(t, strings.Replace(oneCluster("forwarding: "+forwarding, "ftp:"), "10.0.0.1", "127.0.0.1", 1))
		require.Len(t, notes, 1)
		assert.Contains(t, notes[0], "real server 127.0.0.1 is the director itself: its server must listen on the VIP")
	}
}
