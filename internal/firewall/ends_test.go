package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

// endsIn returns the known ends of a flow: addresses and ports.
func endsIn(t *testing.T, f flow, yaml string) []string {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(yaml))
	require.NoError(t, err)
	var list []string
	for _, b := range f.ends(spec.Bindings(config.IPv4), Tracking{Masquerade: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fd00::1")}}) {
		vips := slices.Collect(func(yield func(string) bool) {
			for _, vip := range b.VIPs {
				yield(vip.String())
			}
		})
		list = append(list, fmt.Sprint(strings.Join(vips, " "), " ", b.Ports))
	}
	return list
}

// TestEndsOfMixedForwarding: real servers with nat have replies and active data that pass the
// director; packets to real servers with direct keep the VIP, those with tunnel are wrapped.
func TestEndsOfMixedForwarding(t *testing.T) {
	const spec = `{clusters: [{name: ftp, mark: 21, vips: [192.0.2.1], ftp: {active-data: {translate: snat}}, real-servers: [
  {address: 10.0.0.1}, {address: 10.0.0.2, forwarding: direct}, {address: 10.0.0.3, forwarding: tunnel}, {address: 10.0.0.4}]}]}`
	const ports = " [10000-20000 20-21]"
	for f, want := range map[flow][]string{
		toVIP:         {"192.0.2.1" + ports},
		toServer:      {"192.0.2.1" + ports, "10.0.0.1 10.0.0.4" + ports},
		reply:         {"10.0.0.1 10.0.0.4" + ports},
		replyFromVIP:  {"192.0.2.1" + ports},
		active:        {"10.0.0.1 10.0.0.4 [20]"},
		activeFromVIP: {"192.0.2.1 [20]"},
	} {
		assert.Equal(t, want, endsIn(t, f, spec), f.text())
	}
}

// TestEndsOfActiveData: behind its translation, active data has the address that the cluster
// translates it to. Clusters with the same ports share the addresses of masquerade.
func TestEndsOfActiveData(t *testing.T) {
	const spec = `{clusters: [
  {name: snat, mark: 1, vips: [198.51.100.1], ftp: {active-data: {translate: snat}}, real-servers: [{address: 10.0.0.1}]},
  {name: masq, mark: 2, vips: [198.51.100.2], ftp: , real-servers: [{address: 10.0.0.2}]},
  {name: more, mark: 3, vips: [198.51.100.3], ftp: , real-servers: [{address: 10.0.0.3}]},
  {name: ftps, mark: 4, vips: [198.51.100.4], ftp: {control-ports: [990], active-data: {ports: [989]}}, real-servers: [{address: 10.0.0.4}]},
  {name: none, mark: 5, vips: [198.51.100.5], ftp: {active-data: {translate: none}}, real-servers: [{address: 10.0.0.5}]},
  {name: else, mark: 6, vips: [198.51.100.6], ftp: {active-data: {source: [192.0.2.0/24], ports: [2020]}}, real-servers: [{address: 10.0.0.6}]}]}`
	for f, want := range map[flow][]string{
		active:           {"10.0.0.1 [20]", "10.0.0.2 [20]", "10.0.0.3 [20]", "10.0.0.4 [989]", "10.0.0.5 [20]"},
		activeFromVIP:    {"198.51.100.1 [20]"},
		activeToVIP:      {"198.51.100.1 [20]"},
		activeFromHost:   {"192.0.2.1 [20]", "192.0.2.1 [989]"},
		activeToHost:     {"192.0.2.1 [20]", "192.0.2.1 [989]"},
		activeFromServer: {"10.0.0.5 [20]"},
		activeToServer:   {"10.0.0.5 [20]"},
		activeAnswer:     {"10.0.0.1 [20]", "10.0.0.2 [20]", "10.0.0.3 [20]", "10.0.0.4 [989]", "10.0.0.5 [20]"},
	} {
		assert.Equal(t, want, endsIn(t, f, spec), fmt.Sprint(f, f.text()))
	}
}

// TestEndsOfServerPorts: after IPVS, packets have the ports of the real servers.
func TestEndsOfServerPorts(t *testing.T) {
	const spec = `{clusters: [{name: web, mark: 80, vips: [192.0.2.1], ports: [80, udp/80], persistence: 0, real-servers: [
  {address: 10.0.0.1, port: 8080}, {address: 10.0.0.2}, {address: 10.0.0.3, port: 8080}]}]}`
	servers := []string{"10.0.0.2 [80 udp/80]", "10.0.0.1 10.0.0.3 [8080 udp/8080]"}
	for f, want := range map[flow][]string{
		toVIP: {"192.0.2.1 [80 udp/80]"}, toServer: servers, reply: servers, replyFromVIP: {"192.0.2.1 [80 udp/80]"},
	} {
		assert.Equal(t, want, endsIn(t, f, spec), f.text())
	}
}

// TestEndsOfAllPorts: on each VIP, a cluster with all ports has those that no other has.
func TestEndsOfAllPorts(t *testing.T) {
	const spec = `{clusters: [
  {name: rest, mark: 7, vips: [192.0.2.1, 192.0.2.2, 192.0.2.3], ports: [all], real-servers: [{address: 10.0.0.1}]},
  {name: web, mark: 80, vips: [192.0.2.2], ports: [80, udp/0xffff], real-servers: [{address: 10.0.0.1}]}]}`
	assert.Equal(t, []string{
		"192.0.2.1 192.0.2.3 [0-65535 udp/0-65535 sctp/0-65535]",
		"192.0.2.2 [0-79 81-65535 udp/0-65534 sctp/0-65535]",
		"192.0.2.2 [80 udp/65535]",
	}, endsIn(t, toVIP, spec))
}
