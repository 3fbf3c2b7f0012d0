package lvsmark

import (
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
