package lvsmark

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// TestFakePlanString prints a plan: changes in the order of apply, their impact, notes
// and warnings.
func TestFakePlanString(t *testing.T) {
	w := newFakeWorld(t)
	w.Findings = []string{"table ip filter, chain prerouting, rule 3: will set the mark"}
	const spec = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21, 198.51.100.22], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}]}]\ndirector: {bind: false, sysctls: {net.ipv4.ip_default_ttl: 63}}\n"
	w.applied(spec)
	w.AsOtherProcess(func() { require.NoError(t, w.WriteSetting("net.ipv4.ip_default_ttl", "99")) })
	w.AddConnection(ipvs.Connection{
		Protocol: config.TCP, VIP: netip.MustParseAddrPort("198.51.100.21:21"), RealServer: netip.MustParseAddrPort("10.0.0.11:21"),
	})
	const next = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.22], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}]}]\ndirector: {bind: false, ip-forward: false}\n"
	p, err := w.plan(t.Context(), next, Options{})
	require.NoError(t, err)
	assert.Equal(t, `delete address 198.51.100.21 of device vip0 # cuts 1 connection of ftp: no new connections to 198.51.100.21
delete element 198.51.100.21 : 0x00000015 of map ip lvsmark tcp_21_10000-20000 # drains: no new connections to ports 21, 10000-20000 of fwmark 21 (ftp)
delete set settings { type mark } of table ip lvsmark
delete element 0x00000001 comment "net.ipv4.ip_default_ttl = 63" of set ip lvsmark settings
delete element 0x00000002 comment "net.ipv4.ip_forward = 1" of set ip lvsmark settings
edit setting net.ipv4.ip_forward = 1 -> net.ipv4.ip_forward = 0
note: net.ipv4.ip_default_ttl is left at 99: another process set it after lvsmark set 63
warning: table ip filter, chain prerouting, rule 3: will set the mark
drains 1, cuts 1 connection (ftp: 1)
`, p.String())
}

// TestFakePlanOfAddedServer: the impact of a lost persistence depends on the real servers that the
// plan adds.
func TestFakePlanOfAddedServer(t *testing.T) {
	const one = "clusters: [{name: web, mark: 80, vips: [198.51.100.80], ports: [80], persistence: 5m, real-servers: [{address: 10.0.0.11}]}]\n"
	two := strings.Replace(one, "persistence: 5m, real-servers: [", "persistence: 0s, real-servers: [{address: 10.0.0.12}, ", 1)
	alone := strings.Replace(one, "persistence: 5m", "persistence: 0s", 1)
	for spec, drains := range map[string]bool{two: true, alone: false} {
		w := newFakeWorld(t)
		w.applied(one)
		p, err := w.plan(t.Context(), spec, Options{})
		require.NoError(t, err)
		assert.Equal(t, drains, strings.Contains(p.String(), "a client's next connection may reach another real server"), p)
	}
}

// TestFakeReadAgain has another program add a table with lvsmark's name during the plan.
func TestFakeReadAgain(t *testing.T) {
	w := newFakeWorld(t)
	_, err := w.plan(t.Context(), boundSpec, Options{Progress: func(step string) {
		if step == "validate the ruleset" {
			w.AddForeign(nft.TableName{Family: nft.IPv4, Name: "lvsmark"})
		}
	}})
	assert.ErrorContains(t, err, "table ip lvsmark exists and is not lvsmark's")
}

// TestFakePlanInterrupted: no plan is made when the context has ended.
func TestFakePlanInterrupted(t *testing.T) {
	w := newFakeWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, spec := range []string{"", boundSpec} {
		_, err := w.plan(ctx, spec, Options{})
		assert.ErrorIs(t, err, context.Canceled)
	}
}

// TestFakeNoSocket: on a kernel without nft_socket, the ruleset lacks the rule for answers
// to connections of the director, and a note says so.
func TestFakeNoSocket(t *testing.T) {
	for name, opts := range map[string]Options{"rehearsed": {}, "not rehearsed": {Unrehearsed: true}} {
		t.Run(name, func(t *testing.T) {
			const spec = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}]\ndirector: {bind: false}\n"
			w := newFakeWorld(t)
			w.NoSocket = true
			p, err := w.plan(t.Context(), spec, opts)
			require.NoError(t, err)
			assert.Equal(t, []string{noSocketNote}, p.Notes())
			assert.NotContains(t, p.String(), "socket wildcard")
			w.applied(spec)
			p, err = w.plan(t.Context(), spec, opts)
			require.NoError(t, err)
			assert.Empty(t, p.Changes())

			w.NoSocket = false
			p, err = w.plan(t.Context(), spec, opts)
			require.NoError(t, err)
			assert.Empty(t, p.Notes())
			require.Len(t, p.Changes(), 1)
			assert.Contains(t, p.String(), "socket wildcard 0 accept")
		})
	}
}

// TestValidatedOnce: an ENOENT that does not come again is no missing expression.
func TestValidatedOnce(t *testing.T) {
	spec, _, err := config.Parse("lvsmark.yaml", strings.NewReader("clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}]\n"))
	require.NoError(t, err)
	calls := 0
	r := validated(spec, func(r *nft.Ruleset) (*nft.Ruleset, error) {
		if calls++; calls == 1 {
			return nil, unix.ENOENT
		}
		return r, nil
	})
	require.NoError(t, r.err)
	assert.Empty(t, r.notes)
	assert.True(t, nft.Compare(r.rehearsed, r.compiled).Empty())
}
