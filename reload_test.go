package lvsmark

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// assertDistinct asserts that no change prints the same text before and after, and that no
// two changes delete and add objects with the same text.
func assertDistinct(t *testing.T, changes []Change) {
	t.Helper()
	type place struct{ kind, where, text string }
	deleted := map[place]bool{}
	for _, c := range changes {
		assert.NotEqual(t, c.Before, c.After, "%s", c)
		if c.Op == Delete {
			deleted[place{c.Kind, c.Where, c.Before}] = true
		}
	}
	for _, c := range changes {
		assert.False(t, c.Op == Add && deleted[place{c.Kind, c.Where, c.After}], "deleted and added: %s", c)
	}
}

// withoutPrevious returns the tables as after `nft list ruleset` and `nft -f`: the ledger
// has no previous values.
func withoutPrevious(r *nft.Ruleset) *nft.Ruleset {
	ledger := r.Ledger()
	for name, s := range ledger.Settings {
		ledger.Settings[name] = nft.Setting{Value: s.Value}
	}
	return r.WithLedger(ledger, &nft.Ruleset{})
}

// TestFakePreviousLost: without previous values in the ledger, delete and an apply of a spec
// without the settings leave them, and name each with the command that sets it.
func TestFakePreviousLost(t *testing.T) {
	const noSettings = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}
director: {ip-forward: false}
`
	for _, to := range []string{"", noSettings} {
		w := newFakeWorld(t)
		w.applied(boundSpec)
		s, err := w.Snapshot()
		require.NoError(t, err)
		w.SetTables(withoutPrevious(&s.Ruleset))
		w.settled(boundSpec)

		notes := w.applied(to).Notes()
		require.Len(t, notes, 4)
		for i, want := range []struct{ value, command string }{
			{"ipvs.timeout.tcp is left at 7200: ", "`ipvsadm --set TCP TCPFIN UDP`"},
			{"net.ipv4.ip_forward is left at 1: ", "`sysctl -w net.ipv4.ip_forward=VALUE`"},
			{"net.ipv4.vs.expire_nodest_conn is left at 1: ", "`sysctl -w net.ipv4.vs.expire_nodest_conn=VALUE`"},
			{"net.ipv6.conf.all.forwarding is left at 1: ", "`sysctl -w net.ipv6.conf.all.forwarding=VALUE`"},
		} {
			assert.Contains(t, notes[i], want.value)
			assert.Contains(t, notes[i], want.command)
		}
		assert.Contains(t, w.String(), "net.ipv4.ip_forward = 1\n")
		assert.Empty(t, w.applied("").Notes(), "the ledger names them no more")
	}
}

// TestFakePreviousRecordedAgain: an apply that sets a setting again records its value.
func TestFakePreviousRecordedAgain(t *testing.T) {
	w := newFakeWorld(t)
	w.applied(unboundSpec)
	s, err := w.Snapshot()
	require.NoError(t, err)
	w.SetTables(withoutPrevious(&s.Ruleset))
	w.AsOtherProcess(func() { require.NoError(t, w.WriteSetting("net.ipv4.ip_default_ttl", "64")) })
	w.applied(unboundSpec)
	assert.Len(t, w.applied("").Notes(), 2) // forwarding
	assert.Contains(t, w.String(), "net.ipv4.ip_default_ttl = 64\n")
}

// unmarked returns the tables as after `nft -j list ruleset` and `nft -j -f`: without the
// comments of tables, sets and chains, and without previous values in the ledger.
func unmarked(r *nft.Ruleset) *nft.Ruleset {
	bare := withoutPrevious(r)
	for _, t := range bare.Tables {
		t.Comment = ""
		for i, s := range t.Sets {
			set := *s
			set.Comment = ""
			t.Sets[i] = &set
		}
		for i, c := range t.Chains {
			chain := *c
			chain.Comment = ""
			t.Chains[i] = &chain
		}
	}
	return bare
}

// reloaded applies the spec, then takes the comments away.
func reloaded(t *testing.T, spec string) *fakeWorld {
	t.Helper()
	w := newFakeWorld(t)
	w.applied(spec)
	s, err := w.Snapshot()
	require.NoError(t, err)
	w.SetTables(unmarked(&s.Ruleset))
	return w
}

// TestFakeUnmarked: tables that match the spec are lvsmark's without its comment, and apply
// gives them the comment again. A rollback restores them without it.
func TestFakeUnmarked(t *testing.T) {
	for _, spec := range fakeSpecs()[1:] {
		w := reloaded(t, spec)
		before := w.String()
		p, err := w.plan(t.Context(), spec, Options{})
		require.NoError(t, err)
		assert.Contains(t, p.String(), "edit table ip ")
		assert.NotContains(t, p.String(), "cuts")
		assert.NotContains(t, p.String(), "drains")

		checkpoint, err := w.checkpoint(Options{Unmarked: p.Unmarked()})
		require.NoError(t, err)
		_, err = w.carryOut(t.Context(), p)
		require.NoError(t, err)
		marked := w.String()
		assert.NotEqual(t, before, marked)
		w.settled(spec)
		require.NoError(t, w.restore(checkpoint))
		assert.Equal(t, before, w.String())

		w.applied(spec)
		assert.Equal(t, marked, w.String())
	}
}

// TestFakeUnmarkedUndone: when a call of the kernel fails, the tables are as they were.
func TestFakeUnmarkedUndone(t *testing.T) {
	for n := 0; ; n++ {
		w := reloaded(t, boundSpec)
		w.editWeight(21, "10.0.0.11", 7)
		before := w.String()
		w.failAt(n, false)
		_, err := w.apply(t.Context(), boundSpec, Options{})
		w.Before = nil
		if err == nil {
			assert.Greater(t, n, 2)
			return
		}
		require.ErrorIs(t, err, errFake)
		assert.Equal(t, before, w.String())
	}
}

// TestFakeUnmarkedDiffers: tables with rules of lvsmark that differ from the spec are taken
// over with --adopt only.
func TestFakeUnmarkedDiffers(t *testing.T) {
	const smaller = `
clusters:
  - {name: ftp, mark: 22, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}
director: {bind: false, ip-forward: false}
`
	w := reloaded(t, unboundSpec)
	before := w.String()
	_, err := w.apply(t.Context(), smaller, Options{})
	require.ErrorContains(t, err, "table ip lvsmark has rules of lvsmark but not its comment")
	require.ErrorContains(t, err, "`apply --adopt`")
	assert.Equal(t, before, w.String())

	p, err := w.apply(t.Context(), smaller, Options{Adopt: true})
	require.NoError(t, err)
	assert.Contains(t, p.String(), "delete table ip6 lvsmark")
	assert.NotContains(t, w.String(), "table ip6 lvsmark")
	w.settled(smaller)
}

// TestFakeUnmarkedOtherFamily: a table of a family that the spec lacks stays, with a note.
func TestFakeUnmarkedOtherFamily(t *testing.T) {
	const smaller = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], vip-device: vip0, ftp: , real-servers: [{address: 10.0.0.11}]}
director: {bind: false, sysctls: {net.ipv4.ip_default_ttl: 63}}
`
	w := reloaded(t, unboundSpec)
	p, err := w.apply(t.Context(), smaller, Options{})
	require.NoError(t, err)
	assert.Contains(t, strings.Join(p.Notes(), "\n"), "table ip6 lvsmark stays: table ip6 lvsmark has rules of lvsmark")
	assert.Contains(t, w.String(), "table ip6 lvsmark")
}

// TestFakeUnmarkedDelete: delete names the tables that it does not remove, and their records.
func TestFakeUnmarkedDelete(t *testing.T) {
	w := reloaded(t, boundSpec)
	before := w.String()
	p := w.applied("")
	require.Len(t, p.Notes(), 2)
	assert.Contains(t, p.Notes()[0], "table ip lvsmark stays: ")
	assert.Contains(t, p.Notes()[0], "net.ipv4.vs.expire_nodest_conn, net.ipv6.conf.all.forwarding, service fwmark 21 IPv4")
	assert.Contains(t, p.Notes()[1], "service fwmark 21 IPv6")
	assert.Contains(t, w.String(), "table ip lvsmark {") // only the address is removed
	assert.Contains(t, before, "table ip lvsmark {")
}

// checkpoint captures the state, as Capture does.
func (w *fakeWorld) checkpoint(opts Options) (*Checkpoint, error) {
	e := newEngine(w.Kernel, w.clock, opts)
	ruleset, err := e.Snapshot()
	require.NoError(w.t, err)
	return e.capture(w.t.Context(), ruleset)
}
