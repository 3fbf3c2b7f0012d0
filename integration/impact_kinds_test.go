package integration_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

func (i *impactLab) weightDrains(t *testing.T) {
	s := i.two(i.ftp, 21)
	bad := i.apply(edit(t, impactSpec, "{name: two, address: 10.0.0.12}", "{name: two, address: 10.0.0.12, weight: 0}"))
	active, _ := i.counted("FWM  21 ", "10.0.0.12:0")
	require.Len(t, bad, 1)
	assert.Regexp(t, fmt.Sprintf(`^edit real-server: drains: no new clients; %d active, \d+ inactive, \d+ persistent$`, active), bad[0])
	assert.True(t, s["rs1"].goesOn())
	assert.True(t, s["rs2"].goesOn())
	for range 3 {
		assert.Equal(t, "rs1", i.to(i.ftp, 21, i.client()).server)
	}
	assert.Empty(t, i.apply(impactSpec))
}

func (i *impactLab) unmarkedDrains(t *testing.T) {
	data := i.to(i.ftp, 10001, i.client())
	assert.Equal(t, []string{
		"delete element: drains: no new connections to ports 10000-10049 of fwmark 21 (ftp); 1 established stay",
		"delete element: drains: no new connections to ports 10000-10049 of fwmark 21 (ftp)",
	}, i.apply(edit(t, impactSpec, "10000-10100", "10050-10100")))
	assert.True(t, data.goesOn())
	assert.Nil(t, i.connect(i.client(), i.ftp, 10001, haste))
	i.to(i.ftp, 21, i.client())
	assert.Empty(t, i.apply(impactSpec))
	assert.True(t, data.goesOn())
}

func (i *impactLab) movedDrains(t *testing.T) {
	control := i.to(i.other, 21, i.client())
	assert.Equal(t, []string{
		"delete element: drains: new connections to ports 21 go to fwmark 80 (web) instead of fwmark 21 (ftp); no new connections to ports 10000-10100 of fwmark 21 (ftp); 1 established stay",
	}, i.apply(edit(t, impactSpec, "198.51.100.21, 198.51.100.31]", "198.51.100.21]",
		"vips: [198.51.100.80]", "vips: [198.51.100.80, 198.51.100.31]", "ports: [80, udp/80]", "ports: [21, 80, udp/80]")))
	assert.True(t, control.goesOn())
	// web is without persistence: round robin shows whose service it is now.
	client := i.client()
	assert.NotEqual(t, i.to(i.other, 21, client).server, i.to(i.other, 21, client).server)
	i.apply(impactSpec)
	assert.True(t, control.goesOn())
}

// untranslatedDrains is about active data, which real servers open.
func (i *impactLab) untranslatedDrains(t *testing.T) {
	client := i.client()
	data := i.active(1, 20, client, 2121, patience)
	require.NotNil(t, data)
	assert.Equal(t, []string{
		"delete element: drains: new active data connections from there keep their source address",
		"delete element: drains: new active data connections from there keep their source address",
	}, i.apply(edit(t, impactSpec, "ftp: {", "ftp: {active-data: {ports: [989]}, ")))
	assert.True(t, data.goesOn())
	assert.Nil(t, i.active(1, 20, client, 21, haste))
	i.apply(impactSpec)
}

// untranslatedCuts takes away all translation, and with it the kernel's.
func (i *impactLab) untranslatedCuts(t *testing.T) {
	client := i.client()
	data := i.active(0, 20, client, 2121, patience)
	require.NotNil(t, data)
	control := i.to(i.ftp, 21, client)
	bad := i.apply(edit(t, impactSpec, "ftp: {", "ftp: {active-data: {translate: none}, "))
	assert.Contains(t, bad, "delete chain: cuts 1 connection: active data under way is no longer translated")
	assert.True(t, control.goesOn())
	assert.True(t, data.isGone())
	assert.Empty(t, i.apply(impactSpec))
}

// active is a connection that a real server opens; nil: it does not come about.
func (i *impactLab) active(server int, port uint16, to netip.Addr, toPort uint16, wait time.Duration) *session {
	s := i.lab.Servers[server]
	return i.dial("tcp4", s.Host, netip.AddrPortFrom(s.Address(config.IPv4), port), netip.AddrPortFrom(to, toPort), wait)
}

// forgottenCuts: the connections go on, but the FTP sessions do not, whose next
// data connection may reach the other real server.
func (i *impactLab) forgottenCuts(t *testing.T) {
	client := i.client()
	control := i.to(i.ftp, 21, client)
	assert.Equal(t, control.server, i.to(i.ftp, 10001, client).server)
	bad := i.apply(edit(t, impactSpec, "ftp: {", "persistence: 0\n    ftp: {"))
	assert.Equal(t, []string{"edit service: cuts 2 connections of ftp: an FTP session's next data connection may reach another real server"}, bad)
	assert.True(t, control.goesOn())
	assert.NotEqual(t, i.to(i.ftp, 10001, client).server, i.to(i.ftp, 10001, client).server)
	assert.Empty(t, i.apply(impactSpec))
}

// serverCuts: before that, --fail-on refuses and changes nothing.
func (i *impactLab) serverCuts(t *testing.T) {
	s := i.two(i.ftp, 21)
	active, inactive := i.counted("FWM  21 ", "10.0.0.12:0")
	require.NotZero(t, active)

	require.NoError(t, i.lab.WriteSpec(edit(t, impactSpec, ", {name: two, address: 10.0.0.12}", "")))
	before := i.state()
	cuts := fmt.Sprintf("cuts %d connections of ftp with 10.0.0.12: %d active, %d inactive, ", active, active, inactive)
	for _, flags := range [][]string{{"--fail-on", "cuts"}, {"--fail-on", "drains"}, {"--fail-on", "cuts", "--dry-run"}} {
		output, err := i.lab.Lvsmark(append([]string{"apply"}, flags...)...)
		require.NoError(t, err)
		assert.Equal(t, 2, output.Status)
		assert.Contains(t, output.Text, "lvsmark: refused by --fail-on "+flags[1]+", nothing was done: ")
		assert.Contains(t, output.Text, fmt.Sprintf("cuts %d connections (ftp: 10.0.0.12 %d)\n", active, active))
		assert.Contains(t, output.Text, "lvsmark: delete real-server 10.0.0.12:0 -m -w 1 of service fwmark 21 IPv4: "+cuts)
		assert.Equal(t, before, i.state())
	}
	assert.True(t, s["rs2"].goesOn())

	bad := i.changes("apply")
	require.Len(t, bad, 2)
	assert.Equal(t, "delete element: drains: new active data connections from there keep their source address", bad[0])
	assert.Contains(t, bad[1], "delete real-server: "+cuts)
	i.to(i.ftp, 21, i.client())
	assert.True(t, s["rs1"].goesOn())
	assert.True(t, s["rs2"].isGone())
	assert.Empty(t, i.apply(impactSpec))
}

func (i *impactLab) addressCuts(t *testing.T) {
	s, web := i.to(i.other, 21, i.client()), i.to(i.web, 80, i.client())
	spec := edit(t, impactSpec, "198.51.100.21, 198.51.100.31]", "198.51.100.21]")
	assert.Equal(t, []string{
		"delete address: cuts 1 connection of ftp: no new connections to 198.51.100.31",
		"delete element: drains: no new connections to ports 21, 10000-10100 of fwmark 21 (ftp)",
	}, i.apply(spec))
	assert.True(t, web.goesOn())
	assert.True(t, s.isGone())
	assert.Empty(t, i.apply(impactSpec))
}

// flowsCut: IPVS counts UDP as inactive, and yet there is somebody.
func (i *impactLab) flowsCut(t *testing.T) {
	flows := map[string]*session{}
	for range 2 {
		s := i.dial("udp4", i.lab.Client, netip.AddrPortFrom(i.client(), 0), netip.AddrPortFrom(i.web, 80), patience)
		require.NotNil(t, s)
		flows[s.server] = s
	}
	require.Len(t, flows, 2)
	bad := i.apply(edit(t, impactSpec, "[{address: 10.0.0.11}, {address: 10.0.0.12}]", "[{address: 10.0.0.11}]"))
	require.Len(t, bad, 1)
	assert.Regexp(t, `^delete real-server: cuts 1 connection of web with two: 0 active, \d+ inactive, \d+ persistent; 1 flow of UDP$`, bad[0])
	assert.True(t, flows["rs1"].goesOn())
	assert.True(t, flows["rs2"].isGone())
	assert.Empty(t, i.apply(impactSpec))
}

// forwardingCuts: forwarding is put back to what it was before lvsmark.
func (i *impactLab) forwardingCuts(t *testing.T) {
	s := i.to(i.ftp, 21, i.client())
	bad := i.apply(edit(t, impactSpec, "clusters:", "director: {ip-forward: false}\nclusters:"))
	assert.Equal(t, []string{"edit setting: cuts 1 connection: replies of 4 real servers behind nat are no longer forwarded"}, bad)
	assert.True(t, s.isGone())
	assert.Empty(t, i.apply(impactSpec))
}

// counted is what ipvsadm says of a real server: active and inactive connections.
func (i *impactLab) counted(service, server string) (active, inactive int) {
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
