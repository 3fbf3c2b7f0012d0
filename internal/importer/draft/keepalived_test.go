package draft_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/draft"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/internal/render/iptables"
	"github.com/lvsmark/lvsmark/internal/render/keepalived"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestKeepalivedRoundTrip renders random specs of two directors for iptables and keepalived, and
// imports the result: it has the same services, sync daemons and VRRP.
func TestKeepalivedRoundTrip(t *testing.T) {
	compared, withSync := 0, 0
	for seed := range uint64(90) {
		r := rand.New(rand.NewPCG(seed, 31))
		spec := pairOf(r, specgen.Spec(r))
		if spec == nil || hasLargeSNAT(spec) || hasOtherFTP(spec) {
			continue
		}
		text, err := keepalived.Target().Render(spec, render.Options{})
		require.NoError(t, err)
		rules := iptables.Text(spec)
		old, err := importer.ReadAll([]importer.File{load(t, "rules", rules), load(t, "keepalived.conf", text)})
		require.NoError(t, err, text)
		d := draft.New(old)
		require.NoError(t, d.Check(old))
		if !d.Valid || becomesFTP(d) {
			continue // see TestRoundTrip
		}
		imported, _, err := config.Parse("imported", strings.NewReader(d.Text()))
		require.NoError(t, err)
		what := d.Text() + "\n" + text + "\n" + messages(d)
		assert.NotContains(t, messages(d), "render keepalived", what)
		assert.Equal(t, spec.Director.Sync, imported.Director.Sync, what)
		assert.Equal(t, spec.Director.VRRP, imported.Director.VRRP, what)
		rename(imported, spec)
		bound := *spec
		bound.Director.Bind = true
		assert.Equal(t, sorted(ipvs.Compile(&bound)), sorted(ipvs.Compile(imported)), what)
		if t.Failed() {
			return
		}
		compared++
		if spec.Director.Sync != nil {
			withSync++
		}
	}
	t.Logf("%d specs, %d with sync", compared, withSync)
	assert.Greater(t, compared, 20)
	assert.Greater(t, withSync, 7)
}

// pairOf returns the spec of a director of two, with keepalived; nil if it is none.
func pairOf(r *rand.Rand, spec *config.Spec) *config.Spec {
	spec.Director.Bind = false
	spec.Director.Timeouts = config.Timeouts{}
	if spec.Director.Sync = nil; r.IntN(2) == 0 {
		spec.Director.Sync = &config.Sync{Role: config.SyncBoth, SyncDaemon: config.SyncDaemon{
			Device: "eth1", ID: r.Uint32N(256), MaxLen: uint16(1024 + r.IntN(60000)), Group: config.DefaultSyncGroup(), Port: uint16(1 + r.IntN(65535)), TTL: uint8(1 + r.IntN(255)),
		}}
	}
	peer := netip.MustParseAddr([]string{"192.0.2.2", "2001:db8:eeee::2"}[r.IntN(2)])
	v := &config.VRRP{
		Device: "eth0", RouterID: uint8(1 + r.IntN(255)), Priority: uint8(1 + r.IntN(254)), Peers: []netip.Addr{peer, peer.Next()},
		Interval: time.Duration(1+r.IntN(5)) * time.Second, Preempt: r.IntN(2) == 0,
	}
	if peer.Is6() || r.IntN(2) == 0 {
		v.Source = peer.Prev()
	}
	if r.IntN(2) == 0 {
		v.Gateways = []config.Gateway{{Address: netip.MustParseAddr("10.9.0.1"), Device: "eth1"}, {Address: netip.MustParseAddr("fd99::1"), Device: "eth2"}}
	}
	spec.Director.VRRP = v
	return specgen.Check(spec)
}
