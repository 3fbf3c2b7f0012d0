package config

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseServerKeys(t *testing.T) {
	spec, notes := parseValid(t, `
clusters:
  - name: a
    mark: 1
    vips: [192.0.2.1]
    ports: [80, udp/80]
    forwarding: tunnel
    scheduler: mh
    scheduler-flags: [mh-fallback]
    persistence: 0
    real-servers:
      - {address: 10.0.0.1, forwarding: nat, port: 8080, upper-threshold: 5, lower-threshold: 5}
      - {address: 10.0.0.2, tunnel: {type: ipip, checksum: none}, port: 0, upper-threshold: 0, lower-threshold: 0}
      - {address: 10.0.0.3, tunnel: {type: gue, port: 0x17c0, checksum: remcsum}}
      - {address: 10.0.0.4, tunnel: {type: gre, checksum: csum}}
      - {address: 10.0.0.5, forwarding: direct}
`)
	assert.Empty(t, notes)
	assert.Equal(t, []RealServer{
		{Address: netip.MustParseAddr("10.0.0.1"), Weight: 1, Port: 8080, UpperThreshold: 5, LowerThreshold: 5},
		{Address: netip.MustParseAddr("10.0.0.2"), Weight: 1, Forwarding: Tunnel},
		{Address: netip.MustParseAddr("10.0.0.3"), Weight: 1, Forwarding: Tunnel, Encapsulation: Encapsulation{GUE, 6080, RemoteChecksum}},
		{Address: netip.MustParseAddr("10.0.0.4"), Weight: 1, Forwarding: Tunnel, Encapsulation: Encapsulation{GRE, 0, Checksum}},
		{Address: netip.MustParseAddr("10.0.0.5"), Weight: 1, Forwarding: Direct},
	}, spec.Clusters[0].RealServers)
	assert.Equal(t, HashFlags{Fallback: true}, spec.Clusters[0].Hash)
	assert.True(t, spec.Director.IPForward, "one real server is forwarded by nat")
}

func TestParseSchedulerFlags(t *testing.T) {
	for flags, want := range map[string]HashFlags{
		"[]": {}, "[sh-port]": {Port: true}, "[sh-fallback]": {Fallback: true}, "[sh-fallback, sh-port]": {true, true},
	} {
		spec, _ := parseValid(t, oneCluster("ports: [80]", "scheduler: sh", "scheduler-flags: "+flags))
		assert.Equal(t, want, spec.Clusters[0].Hash)
	}
}

// TestNotesOfServiceKeys: sh-port breaks FTP without persistence; one-packet with nat does
// not translate answers.
func TestNotesOfServiceKeys(t *testing.T) {
	const ftp = "clusters: [{name: a, mark: 1, vips: [192.0.2.1], ftp: , persistence: 0, scheduler: sh%s, real-servers: [{address: 10.0.0.1}, {address: 10.0.0.2}]}]\n"
	_, notes := parseValid(t, fmt.Sprintf(ftp, ""))
	assert.Empty(t, notes)
	_, notes = parseValid(t, fmt.Sprintf(ftp, ", scheduler-flags: [sh-port]"))
	assert.Len(t, notes, 1)
	assert.Contains(t, notes[0], "without persistence a data connection may reach another real server")

	_, notes = parseValid(t, oneCluster("ports: [udp/53]", "one-packet: true"))
	assert.Len(t, notes, 1)
	assert.Contains(t, notes[0], "with one-packet and nat, answers reach clients from the real server's address")
	_, notes = parseValid(t, oneCluster("ports: [udp/53]", "one-packet: true", "forwarding: direct"))
	assert.Empty(t, notes)
}

// TestMixedForwarding: what depends on forwarding depends on that of each real server.
func TestMixedForwarding(t *testing.T) {
	cluster := func(servers string) (*Spec, *Cluster) {
		spec, _ := parseValid(t, "clusters: [{name: a, mark: 1, vips: [192.0.2.1], forwarding: direct, ftp: , real-servers: ["+servers+"]}]\n")
		return spec, &spec.Clusters[0]
	}
	spec, c := cluster("{address: 10.0.0.1}, {address: 10.0.0.2, forwarding: nat}")
	assert.Equal(t, "[10000-20000 20-21]", fmt.Sprint(c.MarkedPorts()))
	assert.Equal(t, prefixes("10.0.0.2/32"), c.FTP.Active.Sources)
	assert.True(t, spec.Director.IPForward)
	assert.True(t, c.Forwards(NAT) && c.Forwards(Direct) && !c.Forwards(Tunnel))

	_, c = cluster("{address: 10.0.0.1, forwarding: nat}, {address: 10.0.0.2, forwarding: nat}")
	assert.Equal(t, "[10000-20000 21]", fmt.Sprint(c.MarkedPorts()))
	assert.Len(t, c.FTP.Active.Sources, 2)

	spec, c = cluster("{address: 10.0.0.1}, {address: 10.0.0.2, forwarding: tunnel}")
	assert.Nil(t, c.FTP.Active)
	assert.False(t, spec.Director.IPForward)
}

// TestAllPortsShareVIP: a cluster with all ports shares VIPs with others, which have
// precedence.
func TestAllPortsShareVIP(t *testing.T) {
	spec, notes := parseValid(t, `
clusters:
  - {name: rest, mark: 7, vips: [192.0.2.1, 192.0.2.2], ports: [all], real-servers: [{address: 10.0.0.1}]}
  - {name: web, mark: 80, vips: [192.0.2.2], ports: [1-80, 100, udp/5-6, sctp/65535], real-servers: [{address: 10.0.0.1}]}
`)
	assert.Empty(t, notes)
	var list []string
	for _, b := range WithProtocols(spec.Bindings(IPv4)) {
		list = append(list, fmt.Sprint(b.Mark, b.VIPs, b.Ports))
	}
	assert.Equal(t, []string{
		"7 [192.0.2.1] [0-65535 udp/0-65535 sctp/0-65535]",
		"7 [192.0.2.2] [0 81-99 101-65535 udp/0-4 udp/7-65535 sctp/0-65534]",
		"80 [192.0.2.2] [1-80 udp/5-6 100 sctp/65535]",
	}, list)
}

// TestAllPortsNested: of nested VIPs with all ports, the smallest has the ports that others
// leave. Clusters with only take no ports of others, and leave theirs.
func TestAllPortsNested(t *testing.T) {
	spec, _ := parseValid(t, `
clusters:
  - {name: outer, mark: 1, vips: [192.0.2.0/28], ports: [all], real-servers: [{address: 10.0.0.1}]}
  - {name: inner, mark: 2, vips: [192.0.2.4/30], ports: [all], real-servers: [{address: 10.0.0.1}]}
  - {name: web, mark: 80, vips: [192.0.2.3-192.0.2.5, 192.0.2.15], ports: [80], real-servers: [{address: 10.0.0.1}]}
  - {name: some, mark: 4, vips: [192.0.2.5], ports: [all], only: {devices: [wan0]}, real-servers: [{address: 10.0.0.1}]}
  - {name: other, mark: 5, vips: [192.0.2.6], ports: [22], only: {devices: [wan0]}, real-servers: [{address: 10.0.0.1}]}
`)
	var list []string
	for _, b := range WithProtocols(spec.Bindings(IPv4)) {
		list = append(list, fmt.Sprint(b.Mark, b.VIPs, b.Ports[:min(2, len(b.Ports))]))
	}
	assert.Equal(t, []string{
		"1 [192.0.2.0-192.0.2.2 192.0.2.8-192.0.2.14] [0-65535 udp/0-65535]",
		"1 [192.0.2.3 192.0.2.15] [0-79 81-65535]",
		"2 [192.0.2.4/31] [0-79 81-65535]",
		"2 [192.0.2.6/31] [0-65535 udp/0-65535]",
		"80 [192.0.2.3-192.0.2.5 192.0.2.15] [80]",
		"4 [192.0.2.5] [0-79 81-65535]",
		"5 [192.0.2.6] [22]",
	}, list)
}

// TestServerIs: a real server is known by its name, and by its address in any notation.
func TestServerIs(t *testing.T) {
	s := RealServer{Name: "rs1", Address: netip.MustParseAddr("fd00::11")}
	for _, text := range []string{"rs1", "fd00::11", "FD00:0::11"} {
		assert.True(t, s.Is(text), text)
	}
	for _, text := range []string{"", "rs2", "RS1", "fd00::12", "10.0.0.11"} {
		assert.False(t, s.Is(text), text)
	}
	s = RealServer{Address: netip.MustParseAddr("10.0.0.11")}
	assert.True(t, s.Is("::ffff:10.0.0.11"))
	assert.False(t, s.Is(""))
}
