package integration_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
)

// ftpPorts is the key of impactSpec before which tests insert others.
const ftpPorts = "ftp: {passive-ports: 10000-10100"

// withOnly returns impactSpec with conditions of the cluster ftp; "" for none.
func withOnly(t *testing.T, only string) string {
	t.Helper()
	if only == "" {
		return impactSpec
	}
	return edit(t, impactSpec, ftpPorts, "only: {"+only+"}\n    "+ftpPorts)
}

// onlyChanges edits the conditions of only: clients that no longer meet them get no new
// connections, but keep the others.
func (i *impactLab) onlyChanges(t *testing.T) {
	clients := [2]netip.Addr{i.client(), i.client()}
	a, b := clients[0].String(), clients[1].String()
	mac, err := i.lab.Client.Run("cat", "/sys/class/net/"+lab.ClientDevice+"/address")
	require.NoError(t, err)
	notMAC := `except-macs: ["` + strings.TrimSpace(mac) + `"]`
	open := []*session{i.mustConnect(i.ftp, 21, clients[0]), i.mustConnect(i.other, 21, clients[1])}
	for _, step := range []struct {
		only  string
		fewer bool
		meet  [2]bool // which client meets it
	}{
		{"sources: [" + b + "]", true, [2]bool{false, true}},
		{"sources: [" + a + ", " + b + "]", false, [2]bool{true, true}},
		{"sources: [" + a + "]", true, [2]bool{true, false}},
		{"", false, [2]bool{true, true}},
		{"devices: [lan]", true, [2]bool{}},
		{"devices: [lan, wan]", false, [2]bool{true, true}},
		{"devices: [wan], sources: [" + a + "]", true, [2]bool{true, false}},
		{notMAC, true, [2]bool{}},
		{"", false, [2]bool{true, true}},
	} {
		effects := i.apply(withOnly(t, step.only))
		if step.fewer {
			require.Len(t, effects, 2, step.only) // a VIP each
			for _, effect := range effects {
				assert.Regexp(t, `: drains: new connections to ports 21, 10000-10100 of fwmark 21 \(ftp\) from fewer packets: the conditions of only change; \d+ established connections? not affected$`, effect, step.only)
			}
		} else {
			assert.Empty(t, effects, step.only)
		}
		for n, client := range clients {
			if step.meet[n] {
				i.mustConnect(i.ftp, 21, client)
			} else {
				assert.Nil(t, i.connect(client, i.ftp, 21, failureTimeout), "%s: %s", step.only, client)
			}
			assert.True(t, open[n].isAlive(), "%s: %s", step.only, client)
		}
	}
}

// onlyTakes widens only before a cluster that has the rest of the packets.
func (i *impactLab) onlyTakes(t *testing.T) {
	a, b := i.client(), i.client()
	rest := []string{"vips: [198.51.100.80]", "vips: [198.51.100.80, 198.51.100.21]", "ports: [80, udp/80]", "ports: [21, 80, udp/80]"}
	i.apply(edit(t, withOnly(t, "sources: ["+b.String()+"]"), rest...))
	sameServer := func() bool {
		first := i.mustConnect(i.ftp, 21, a)
		return i.mustConnect(i.ftp, 21, a).server == first.server
	}
	assert.False(t, sameServer(), "web has no persistence")
	control := i.mustConnect(i.ftp, 21, a)
	effects := i.apply(edit(t, withOnly(t, "sources: ["+a.String()+", "+b.String()+"]"), rest...))
	require.Len(t, effects, 1)
	assert.Contains(t, effects[0], "drains: new connections to ports 21 that meet the conditions of only go to fwmark 21 (ftp) instead of fwmark 80 (web); 3 established connections not affected")
	assert.True(t, sameServer(), "ftp has persistence")
	assert.True(t, control.isAlive())
	i.apply(impactSpec)
	assert.True(t, control.isAlive())
}

// switchedSafe turns keys of the director on and off: no connection ends, and new ones
// succeed.
func (i *impactLab) switchedSafe(t *testing.T) {
	s := i.mustConnect(i.ftp, 21, i.client())
	for _, keys := range []string{"marks: first-packet", "keep-marks: true", "marks: first-packet, keep-marks: true"} {
		for _, spec := range []string{edit(t, impactSpec, "clusters:", "director: {"+keys+"}\nclusters:"), impactSpec} {
			assert.Empty(t, i.apply(spec), keys)
			assert.True(t, s.isAlive(), keys)
			i.mustConnect(i.ftp, 10001, i.client())
		}
	}
}

// localClientsDrain turns local-clients off: without it, programs of the director reach only
// VIPs that are its addresses.
func (i *impactLab) localClientsDrain(t *testing.T) {
	spec := edit(t, impactSpec, "vips: [198.51.100.80]\n    vip-device: wan", "vips: [198.51.100.80]")
	local := edit(t, spec, "clusters:", "director: {local-clients: true}\nclusters:")
	i.apply(spec)
	s := i.mustConnect(i.ftp, 21, i.client())
	assert.Empty(t, i.apply(local))
	ftp, web := i.fromDirector(i.ftp, 21, successTimeout), i.fromDirector(i.web, 80, successTimeout)
	require.NotNil(t, ftp)
	require.NotNil(t, web)
	assert.Equal(t, []string{"delete chain: drains: new connections of programs on the director reach only VIPs that are its addresses, and get no source-nat"}, i.apply(spec))
	assert.NotNil(t, i.fromDirector(i.ftp, 21, successTimeout))
	assert.Nil(t, i.fromDirector(i.web, 80, failureTimeout))
	for _, open := range []*session{s, ftp, web} {
		assert.True(t, open.isAlive())
	}
	i.closeAll()
	i.apply(impactSpec)
}

// fromDirector connects from an address of the director.
func (i *impactLab) fromDirector(vip netip.Addr, port uint16, wait time.Duration) *session {
	return i.dial("tcp4", i.lab.Director, netip.AddrPortFrom(lab.Inside(config.IPv4), 0), netip.AddrPortFrom(vip, port), wait)
}

// rangesChange adds a passive range and removes the other one.
func (i *impactLab) rangesChange(t *testing.T) {
	data := i.mustConnect(i.ftp, 10001, i.client())
	assert.Empty(t, i.apply(edit(t, impactSpec, "10000-10100", "[2000-2200, 10000-10100]")))
	added := i.mustConnect(i.ftp, 2121, i.client())
	effects := i.apply(edit(t, impactSpec, "10000-10100", "[2000-2200]"))
	require.Len(t, effects, 2)
	assert.Equal(t, "delete element: drains: no new connections to ports 10000-10100 of fwmark 21 (ftp); 1 established connection not affected", effects[0])
	assert.Equal(t, "delete element: drains: no new connections to ports 10000-10100 of fwmark 21 (ftp)", effects[1])
	assert.True(t, data.isAlive())
	assert.Nil(t, i.connect(i.client(), i.ftp, 10001, failureTimeout))
	i.mustConnect(i.ftp, 2121, i.client())
	i.apply(impactSpec)
	assert.True(t, data.isAlive())
	assert.True(t, added.isAlive())
	assert.Nil(t, i.connect(i.client(), i.ftp, 2121, failureTimeout))
}

// networkCuts removes a network of VIPs, which is a local route.
func (i *impactLab) networkCuts(t *testing.T) {
	network := edit(t, impactSpec, "198.51.100.31]", "198.51.100.31, 198.51.100.64/28]")
	assert.Empty(t, i.apply(network))
	s := i.mustConnect(netip.MustParseAddr("198.51.100.70"), 21, i.client())
	effects := i.apply(impactSpec)
	require.Len(t, effects, 1+16) // the addresses are elements
	assert.Equal(t, "delete route: cuts 1 connection of ftp: no new connections to 198.51.100.64/28", effects[0])
	assert.True(t, s.isCut())
	i.apply(network)
	i.closeAll()
	i.apply(impactSpec)
}

// allPortsDrain removes a cluster with all ports of a VIP.
func (i *impactLab) allPortsDrain(t *testing.T) {
	rest := edit(t, impactSpec, "clusters:", "clusters:\n  - {name: rest, mark: 7, vips: [198.51.100.21], ports: [all], real-servers: [{address: 10.0.0.11}]}")
	assert.Empty(t, i.apply(rest))
	s := i.mustConnect(i.ftp, 2121, i.client())
	i.mustConnect(i.ftp, 21, i.client())
	effects := i.apply(edit(t, rest, "ports: [all]", "ports: [80]"))
	require.NotEmpty(t, effects)
	assert.Contains(t, effects[0], "drains: no new connections to ports 0-20, 22-79, 81-9999, ")
	assert.True(t, s.isAlive())
	assert.Nil(t, i.connect(i.client(), i.ftp, 2121, failureTimeout))
	i.mustConnect(i.ftp, 80, i.client())
	i.closeAll()
	i.apply(impactSpec)
}

// thresholdDrains sets a threshold below the number of connections of a real server. Most
// kernels compare them at its next connection; without the threshold, it would get each second
// one.
func (i *impactLab) thresholdDrains(t *testing.T) {
	s := i.onePerServer(i.web, 80)
	effects := i.apply(edit(t, impactSpec, "[{address: 10.0.0.11}, {address: 10.0.0.12}]", "[{address: 10.0.0.11}, {address: 10.0.0.12, upper-threshold: 1}]"))
	require.Len(t, effects, 1)
	assert.Regexp(t, "^edit real-server: drains: at most one new client while it has 1 connection or more; 2 active, ", effects[0])
	toSecond := 0
	for range 6 {
		if i.mustConnect(i.web, 80, i.client()).server == "rs2" {
			toSecond++
		}
	}
	assert.LessOrEqual(t, toSecond, 1)
	assert.True(t, s["rs2"].isAlive())
	i.apply(impactSpec)
}

// portCuts gives a real server a port: for the kernel that is another real server.
func (i *impactLab) portCuts(t *testing.T) {
	s := i.onePerServer(i.web, 80)
	effects := i.apply(edit(t, impactSpec, "[{address: 10.0.0.11}, {address: 10.0.0.12}]", "[{address: 10.0.0.11}, {address: 10.0.0.12, port: 2121}]"))
	require.Len(t, effects, 1)
	assert.Regexp(t, `^delete real-server: cuts [1-9]\d* connections? of web with two: `, effects[0])
	assert.True(t, s["rs1"].isAlive())
	assert.True(t, s["rs2"].isCut())
	assert.Contains(t, i.state(), "-a -f 80 -r 10.0.0.12:2121 -m -w 1")
	i.apply(impactSpec)
}

// TestImpactOfForwarding edits the forwarding method of a real server, which connections keep,
// and its tunnel, which cuts them.
func TestImpactOfForwarding(t *testing.T) {
	k := newKeysLab(t, config.Tunnel, 1, 80)
	i := &impactLab{traffic: k.traffic}
	spec := func(server string) string {
		return "clusters: [{name: c, mark: 7, vips: [198.51.100.21], vip-device: wan, ports: [80], persistence: 0, real-servers: [{address: 10.0.0.11, " + server + "}]}]\n"
	}
	connect := func() *session { return i.mustConnect(k.vip, 80, i.client()) }
	i.apply(spec("forwarding: direct"))
	direct := connect()
	assert.Empty(t, i.apply(spec("forwarding: tunnel")))
	assert.True(t, direct.isAlive())
	tunneled := connect()
	effects := i.apply(spec("forwarding: tunnel, tunnel: {type: gre}"))
	require.Len(t, effects, 1)
	assert.Regexp(t, "^edit real-server: cuts 2 connections of c with 10.0.0.11: ", effects[0])
	assert.True(t, direct.isAlive())
	assert.True(t, tunneled.isCut())
}
