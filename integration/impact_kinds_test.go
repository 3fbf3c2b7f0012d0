package integration_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

func (i *impactLab) weightDrains(t *testing.T) {
	s := i.onePerServer(i.ftp, 21)
	bad := i.apply(edit(t, impactSpec, "{name: two, address: 10.0.0.12}", "{name: two, address: 10.0.0.12, weight: 0}"))
	active, _ := i.ipvsadmCounts("FWM  21 ", "10.0.0.12:0")
	require.Len(t, bad, 1)
	assert.Regexp(t, fmt.Sprintf(`^edit real-server: drains: no new clients; %d active, \d+ inactive, \d+ persistent$`, active), bad[0])
	assert.True(t, s["rs1"].isAlive())
	assert.True(t, s["rs2"].isAlive())
	for range 3 {
		assert.Equal(t, "rs1", i.mustConnect(i.ftp, 21, i.client()).server)
	}
	assert.Empty(t, i.apply(impactSpec))
}

func (i *impactLab) unmarkedDrains(t *testing.T) {
	data := i.mustConnect(i.ftp, 10001, i.client())
	assert.Equal(t, []string{
		"delete element: drains: no new connections to ports 10000-10049 of fwmark 21 (ftp); 1 established connection not affected",
		"delete element: drains: no new connections to ports 10000-10049 of fwmark 21 (ftp)",
	}, i.apply(edit(t, impactSpec, "10000-10100", "10050-10100")))
	assert.True(t, data.isAlive())
	assert.Nil(t, i.connect(i.client(), i.ftp, 10001, failureTimeout))
	i.mustConnect(i.ftp, 21, i.client())
	assert.Empty(t, i.apply(impactSpec))
	assert.True(t, data.isAlive())
}

func (i *impactLab) movedDrains(t *testing.T) {
	control := i.mustConnect(i.other, 21, i.client())
	assert.Equal(t, []string{
		"delete element: drains: new connections to ports 21 go to fwmark 80 (web) instead of fwmark 21 (ftp); no new connections to ports 10000-10100 of fwmark 21 (ftp); 1 established connection not affected",
	}, i.apply(edit(t, impactSpec, "198.51.100.21, 198.51.100.31]", "198.51.100.21]",
		"vips: [198.51.100.80]", "vips: [198.51.100.80, 198.51.100.31]", "ports: [80, udp/80]", "ports: [21, 80, udp/80]")))
	assert.True(t, control.isAlive())
	// web has no persistence: two real servers show that the service is web's.
	client := i.client()
	assert.NotEqual(t, i.mustConnect(i.other, 21, client).server, i.mustConnect(i.other, 21, client).server)
	i.apply(impactSpec)
	assert.True(t, control.isAlive())
}

// untranslatedDrains tests active data connections, which real servers open.
func (i *impactLab) untranslatedDrains(t *testing.T) {
	client := i.client()
	data := i.active(1, 20, client, 2121, successTimeout)
	require.NotNil(t, data)
	assert.Equal(t, []string{
		"delete element: drains: new active data connections from these addresses keep their source address",
		"delete element: drains: new active data connections from these addresses keep their source address",
	}, i.apply(edit(t, impactSpec, "ftp: {", "ftp: {active-data: {ports: [989]}, ")))
	assert.True(t, data.isAlive())
	assert.Nil(t, i.active(1, 20, client, 21, failureTimeout))
	i.apply(impactSpec)
}

// untranslatedCuts removes the chain, and so the kernel's translation of established
// connections.
func (i *impactLab) untranslatedCuts(t *testing.T) {
	client := i.client()
	data := i.active(0, 20, client, 2121, successTimeout)
	require.NotNil(t, data)
	control := i.mustConnect(i.ftp, 21, client)
	bad := i.apply(edit(t, impactSpec, "ftp: {", "ftp: {active-data: {translate: none}, "))
	assert.Contains(t, bad, "delete chain: cuts 1 connection: established active data connections are no longer translated")
	assert.True(t, control.isAlive())
	assert.True(t, data.isCut())
	assert.Empty(t, i.apply(impactSpec))
}

// sourceNATCuts turns source-nat on and off again, with and without another nat chain. Only
// the end of the last chain cuts connections themselves; see TestSourceNATSession for FTP.
func (i *impactLab) sourceNATCuts(t *testing.T) {
	const ports = "ftp: {passive-ports: 10000-10100"
	untranslated := edit(t, impactSpec, ports, ports+", active-data: {translate: none}")
	i.apply(untranslated)
	before := i.mustConnect(i.ftp, 21, i.client())
	const broken = ` cuts \d+ connections? of ftp: the next data connection of an FTP session comes from another address, which FTP servers refuse`
	assert.Regexp(t, `^\[add element:`+broken+`\]$`, i.apply(edit(t, untranslated, "scheduler: rr\n    real-servers: [{name: one", "source-nat: masquerade\n    scheduler: rr\n    real-servers: [{name: one")))
	s := i.mustConnect(i.ftp, 21, i.client())
	assert.True(t, before.isAlive())
	assert.True(t, s.isAlive())
	bad := i.apply(untranslated)
	require.Len(t, bad, 2)
	assert.Equal(t, "delete element: drains: real servers see the addresses of new clients, and need a route to them through the director", bad[0])
	assert.Regexp(t, `^delete chain: cuts \d+ connections: established connections are no longer translated$`, bad[1])
	assert.True(t, s.isCut())
	i.mustConnect(i.ftp, 21, i.client())

	i.apply(edit(t, impactSpec, "scheduler: rr\n    real-servers: [{name: one", "source-nat: masquerade\n    scheduler: rr\n    real-servers: [{name: one"))
	s = i.mustConnect(i.ftp, 21, i.client())
	assert.Regexp(t, `^\[delete element:`+broken+`; real servers see the addresses of new clients, and need a route to them through the director\]$`, i.apply(impactSpec))
	assert.True(t, s.isAlive(), "the chain for active data remains")
}

// active opens a connection from a real server; it returns nil if that fails.
func (i *impactLab) active(server int, port uint16, to netip.Addr, toPort uint16, wait time.Duration) *session {
	s := i.lab.Servers[server]
	return i.dial("tcp4", s.Host, netip.AddrPortFrom(s.Address(config.IPv4), port), netip.AddrPortFrom(to, toPort), wait)
}

// persistenceCuts: the connections continue, but FTP sessions break, because their next
// data connection may reach another real server.
func (i *impactLab) persistenceCuts(t *testing.T) {
	client := i.client()
	control := i.mustConnect(i.ftp, 21, client)
	assert.Equal(t, control.server, i.mustConnect(i.ftp, 10001, client).server)
	bad := i.apply(edit(t, impactSpec, "ftp: {", "persistence: 0\n    ftp: {"))
	assert.Equal(t, []string{"edit service: cuts 2 connections of ftp: an FTP session's next data connection may reach another real server; removes persistence of 300s"}, bad)
	assert.True(t, control.isAlive())
	assert.NotEqual(t, i.mustConnect(i.ftp, 10001, client).server, i.mustConnect(i.ftp, 10001, client).server)
	assert.Empty(t, i.apply(impactSpec))
}

// serverCuts also tests that --fail-on refuses before the change and changes nothing.
func (i *impactLab) serverCuts(t *testing.T) {
	s := i.onePerServer(i.ftp, 21)
	active, inactive := i.ipvsadmCounts("FWM  21 ", "10.0.0.12:0")
	require.NotZero(t, active)

	require.NoError(t, i.lab.WriteSpec(edit(t, impactSpec, ", {name: two, address: 10.0.0.12}", "")))
	before := i.state()
	for _, flags := range [][]string{{"--fail-on", "cuts"}, {"--fail-on", "drains"}, {"--fail-on", "cuts", "--dry-run"}} {
		output, err := i.lab.Lvsmark(append([]string{"apply"}, flags...)...)
		require.NoError(t, err)
		assert.Equal(t, 2, output.Status)
		assert.Contains(t, output.Text, "lvsmark: refused by --fail-on "+flags[1]+", nothing was done: ")
		assert.Contains(t, output.Text, fmt.Sprintf("cuts %d connections (ftp: 10.0.0.12 %d)\n", active, active))
		_, still := i.ipvsadmCounts("FWM  21 ", "10.0.0.12:0")
		told := inactiveOf(t, output.Text, "lvsmark: delete real-server 10.0.0.12:0 -m -w 1 of service fwmark 21 IPv4: ", active)
		assert.True(t, still <= told && told <= inactive, "%d inactive before, %d after: %s", inactive, still, output.Text)
		assert.Equal(t, before, i.state())
	}
	assert.True(t, s["rs2"].isAlive())

	bad := i.changes("apply")
	require.Len(t, bad, 2)
	assert.Equal(t, "delete element: drains: new active data connections from these addresses keep their source address", bad[0])
	assert.LessOrEqual(t, inactiveOf(t, bad[1], "delete real-server: ", active), inactive)
	i.mustConnect(i.ftp, 21, i.client())
	assert.True(t, s["rs1"].isAlive())
	assert.True(t, s["rs2"].isCut())
	assert.Empty(t, i.apply(impactSpec))
}

// inactiveOf returns the number of inactive connections in the impact of serverCuts. It may fall at
// any time: the kernel forgets connections that ended in the last two minutes.
func inactiveOf(t *testing.T, text, change string, active int) int {
	t.Helper()
	pattern := regexp.QuoteMeta(change) + fmt.Sprintf(`cuts %d connections of ftp with 10\.0\.0\.12: %[1]d active, (\d+) inactive, `, active)
	match := regexp.MustCompile(pattern).FindStringSubmatch(text)
	require.NotEmpty(t, match, "%s in %s", pattern, text)
	n, err := strconv.Atoi(match[1])
	require.NoError(t, err)
	return n
}

func (i *impactLab) addressCuts(t *testing.T) {
	s, web := i.mustConnect(i.other, 21, i.client()), i.mustConnect(i.web, 80, i.client())
	spec := edit(t, impactSpec, "198.51.100.21, 198.51.100.31]", "198.51.100.21]")
	assert.Equal(t, []string{
		"delete address: cuts 1 connection of ftp: no new connections to 198.51.100.31",
		"delete element: drains: no new connections to ports 21, 10000-10100 of fwmark 21 (ftp)",
	}, i.apply(spec))
	assert.True(t, web.isAlive())
	assert.True(t, s.isCut())
	assert.Empty(t, i.apply(impactSpec))
}

// flowsCut: IPVS counts UDP flows as inactive, although they may be in use.
func (i *impactLab) flowsCut(t *testing.T) {
	flows := map[string]*session{}
	for range 2 {
		s := i.dial("udp4", i.lab.Client, netip.AddrPortFrom(i.client(), 0), netip.AddrPortFrom(i.web, 80), successTimeout)
		require.NotNil(t, s)
		flows[s.server] = s
	}
	require.Len(t, flows, 2)
	bad := i.apply(edit(t, impactSpec, "[{address: 10.0.0.11}, {address: 10.0.0.12}]", "[{address: 10.0.0.11}]"))
	require.Len(t, bad, 1)
	assert.Regexp(t, `^delete real-server: cuts 1 connection of web with two: 0 active, \d+ inactive, \d+ persistent; 1 flow of UDP$`, bad[0])
	assert.True(t, flows["rs1"].isAlive())
	assert.True(t, flows["rs2"].isCut())
	assert.Empty(t, i.apply(impactSpec))
}

// forwardingCuts: lvsmark restores the forwarding setting from before its first apply.
func (i *impactLab) forwardingCuts(t *testing.T) {
	s := i.mustConnect(i.ftp, 21, i.client())
	bad := i.apply(edit(t, impactSpec, "clusters:", "director: {ip-forward: false}\nclusters:"))
	assert.Equal(t, []string{"edit setting: cuts 1 connection: replies of 4 real servers behind nat are no longer forwarded"}, bad)
	assert.True(t, s.isCut())
	assert.Empty(t, i.apply(impactSpec))
}

// ipvsadmCounts returns the active and inactive connections of a real server in
// ipvsadm's list.
func (i *impactLab) ipvsadmCounts(service, server string) (active, inactive int) {
	i.t.Helper()
	text, err := i.lab.Director.Run("ipvsadm", "-Ln")
	require.NoError(i.t, err)
	_, of, _ := strings.Cut(text, service)
	_, line, found := strings.Cut(of, "-> "+server)
	require.True(i.t, found, text)
	_, err = fmt.Sscan(strings.Join(strings.Fields(line)[2:4], " "), &active, &inactive)
	require.NoError(i.t, err)
	return active, inactive
}
