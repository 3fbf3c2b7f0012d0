package lvsmark

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

func impacts(effects ...Impact) []Change {
	changes := make([]Change, len(effects))
	for i, impact := range effects {
		changes[i].Impact = impact
	}
	return changes
}

func TestSum(t *testing.T) {
	safe, drains := Impact{Effect: Safe}, Impact{Effect: Drains}
	cut := func(n int, cluster, server string) Impact {
		return Impact{Effect: Cuts, Connections: n, Cluster: cluster, Server: server}
	}
	for want, changes := range map[string][]Change{
		"":                           nil,
		"safe":                       impacts(safe, safe),
		"drains 2":                   impacts(drains, safe, drains),
		"cuts 1 connection (ftp: 1)": impacts(cut(1, "ftp", "")),
		"cuts 3 connections":         impacts(cut(3, "", "")),
		"cuts":                       impacts(cut(0, "ftp", "")),
		"drains 1, cuts an unknown number of connections":                        impacts(drains, Impact{Effect: Cuts, Unknown: true}),
		"drains 1, cuts 15 connections (ftp: rs1 8, rs2 5; web: rs1 2)":          impacts(cut(7, "ftp", "rs1"), drains, cut(5, "ftp", "rs2"), cut(2, "web", "rs1"), cut(1, "ftp", "rs1")),
		"cuts 2 connections (ftp: rs1 2), cuts an unknown number of connections": impacts(cut(2, "ftp", "rs1"), Impact{Effect: Cuts, Unknown: true}),
	} {
		assert.Equal(t, want, Sum(changes).String())
	}
}

// TestServiceEdited: what takes a client away from its real server, and what it
// does to FTP sessions and others.
func TestServiceEdited(t *testing.T) {
	const cluster = "clusters: [{name: c, mark: 21, vips: [198.51.100.21], FTP, real-servers: [{address: 10.0.0.11}, {address: 10.0.0.12}]}]\n"
	was := ipvs.Service{Key: ipvs.Key{Mark: 21, Family: config.IPv4}, SchedName: "wlc", Timeout: 300e9, Netmask: 32}
	with := func(change func(*ipvs.Service)) ipvs.Service {
		h := was
		change(&h)
		return h
	}
	none := func(scheduler string) ipvs.Service {
		return with(func(h *ipvs.Service) { h.SchedName, h.Timeout = scheduler, 0 })
	}
	for _, c := range []struct {
		name            string
		previous, after ipvs.Service
		servers         int
		ftp, elsewhere  Effect
	}{
		{"no persistence", was, none("wlc"), 2, Cuts, Drains},
		{"no persistence, one real server", was, none("wlc"), 1, Safe, Safe},
		{"wider netmask", was, with(func(h *ipvs.Service) { h.Netmask = 24 }), 2, Cuts, Drains},
		{"odd netmask", was, with(func(h *ipvs.Service) { h.Netmask, h.RawNetmask = 0, 0xff00ff00 }), 2, Cuts, Drains},
		{"longer", was, with(func(h *ipvs.Service) { h.Timeout = 600e9 }), 2, Safe, Safe},
		{"another scheduler", was, with(func(h *ipvs.Service) { h.SchedName = "rr" }), 2, Safe, Safe},
		{"persistence", none("wlc"), was, 2, Safe, Safe},
		{"another scheduler, without persistence", none("wlc"), none("rr"), 2, Safe, Safe},
		{"no longer by address", none("sh"), none("rr"), 2, Cuts, Drains},
	} {
		for text, want := range map[string]Effect{"ftp: ": c.ftp, "ports: [80]": c.elsewhere} {
			servers := ipvs.Compile(parse(t, strings.Replace(cluster, "FTP", text, 1)))[0].Destinations[:c.servers]
			servers[0].Connections.Active = 3
			spec := parse(t, strings.Replace(cluster, "FTP", text, 1))
			j := &analyzer{
				plan:     &Plan{have: []ipvs.VirtualService{{Service: c.previous, Destinations: servers}}, want: []ipvs.VirtualService{{Service: c.after, Destinations: servers}}},
				served:   map[ipvs.Key][]ipvs.Destination{was.Key: servers},
				clusters: map[ipvs.Key]*config.Cluster{was.Key: &spec.Clusters[0]},
			}
			impact := j.serviceEdited(c.previous, c.after)
			assert.Equal(t, want, impact.Effect, "%s: %s", c.name, text)
			if want == Cuts {
				assert.Equal(t, 3, impact.Connections, c.name)
			}
		}
	}
}

// TestFailOn refuses, and changes nothing, what is at least as bad as said. It
// needs marks only.
func TestFailOn(t *testing.T) {
	w := newWorld(t)
	opts := w.options()
	opts.FailOn = Drains
	_, err := applySpec(t.Context(), parse(t, unboundSpec), opts)
	require.NoError(t, err, "the first apply is safe")
	before := w.state()
	const fewer = "clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: {passive-ports: 10000-15000}, real-servers: [{address: 10.0.0.11}]}]\ndirector: {bind: false, sysctls: {net.ipv4.ip_default_ttl: 63}}\n"
	for _, act := range []func() error{
		func() error { _, err := applySpec(t.Context(), parse(t, fewer), opts); return err },
		func() error {
			p, err := PlanSpec(t.Context(), Known(parse(t, fewer)), opts)
			require.NoError(t, err)
			return p.Refused()
		},
		func() error { _, err := applyRemoval(t.Context(), opts); return err },
	} {
		err := act()
		var refused *ImpactError
		require.ErrorAs(t, err, &refused)
		assert.NotEmpty(t, refused.Changes)
		assert.ErrorContains(t, err, "refused by --fail-on drains, nothing was done: drains ")
		assert.Equal(t, before, w.state())
	}
	opts.FailOn = Cuts
	_, err = applySpec(t.Context(), parse(t, fewer), opts)
	require.NoError(t, err, "there are no connections to cut")
}
