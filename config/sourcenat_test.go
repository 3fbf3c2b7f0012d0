package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseSourceNAT(t *testing.T) {
	conntrack := Setting{"net.ipv4.vs.conntrack", "1"}
	for text, want := range map[string]SourceNAT{"none": NoSourceNAT, "masquerade": SourceNATMasquerade, "snat": SourceNATToVIP} {
		spec, notes := parseValid(t, oneCluster("ports: [80]", "source-nat: "+text))
		assert.Equal(t, want, spec.Clusters[0].SourceNAT)
		assert.Empty(t, notes)
		if want == NoSourceNAT {
			assert.NotContains(t, spec.Settings(), conntrack)
		} else {
			assert.Contains(t, spec.Settings(), conntrack)
		}
	}
	spec, _ := parseValid(t, oneCluster("ports: [80]"))
	assert.Equal(t, NoSourceNAT, spec.Clusters[0].SourceNAT)
}

// The value of the operator is kept if it leaves connection tracking on. A setting is listed
// once.
func TestSourceNATWithSysctl(t *testing.T) {
	for _, value := range []string{"1", "2"} {
		spec, _ := parseValid(t, oneCluster("ports: [80]", "source-nat: snat")+"director: {sysctls: {net.ipv4.vs.conntrack: "+value+"}}\n")
		assert.Equal(t, []Setting{{"net.ipv4.ip_forward", "1"}, {"net.ipv4.vs.conntrack", value}}, spec.Settings())
	}
	spec, _ := parseValid(t, oneCluster("ports: [80]", "source-nat: none")+"director: {sysctls: {net.ipv4.vs.conntrack: 0}}\n")
	assert.Contains(t, spec.Settings(), Setting{"net.ipv4.vs.conntrack", "0"})
}

func TestNotesOfSourceNAT(t *testing.T) {
	_, notes := parseValid(t, oneCluster("ftp:", "source-nat: masquerade"))
	assert.Equal(t, []string{`f:7:17: FTP servers of a cluster with source-nat see the director as the client: they refuse active data (PORT, EPRT) to another address unless configured otherwise, and need a route to the clients for it; passive data works`}, notes)
	_, notes = parseValid(t, `
clusters:
  - {name: a, mark: 1, vips: [192.0.2.1, 192.0.2.2], ftp: , source-nat: snat, real-servers: [{address: 10.0.0.1}]}
`)
	assert.Len(t, notes, 2)
	assert.Contains(t, notes[1], "sessions on all but one of the 2 IPv4 VIPs")
}

func TestNotesOfLocalClients(t *testing.T) {
	_, notes := parseValid(t, oneCluster("ports: [80]", "forwarding: direct")+"director: {local-clients: true}\n")
	assert.Equal(t, []string{`f:8:27: answers of cluster "a" (line 2), which forwards by direct, come from the VIP to a client on the director: the client must bind another address of the director, and the device of the answers needs the sysctls accept_local=1 and rp_filter=0`}, notes)
	for _, director := range []string{"", "director: {local-clients: false}\n"} {
		_, notes = parseValid(t, oneCluster("ports: [80]", "forwarding: direct")+director)
		assert.Empty(t, notes)
	}
}

func TestParseMarksOfDirector(t *testing.T) {
	spec, _ := parseValid(t, oneCluster("ports: [80]")+"director: {keep-marks: true, local-clients: true}\n")
	assert.True(t, spec.Director.KeepMarks && spec.Director.LocalClients)
	spec, _ = parseValid(t, oneCluster("ports: [80]")+"director: {keep-marks: false}\n")
	assert.False(t, spec.Director.KeepMarks || spec.Director.LocalClients)
}
