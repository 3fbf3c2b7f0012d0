package lvsmark

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFakeAgrees applies each spec over each other spec, on the real kernel and on the
// fake: the plans are the same.
func TestFakeAgrees(t *testing.T) {
	for name, c := range map[string]struct {
		world func(*testing.T) *world
		specs []string
	}{
		"marks only": {newWorld, []string{"", unboundSpec, marksSpec, threeProfilesSpec}},
		"bound":      {newIPVSWorld, []string{"", boundSpec, otherSpec, unboundSpec}},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world(t)
			for from, to := range specPairs(c.specs) {
				w.applyText(from)
				f := w.copied()
				f.applied(from)
				planned, err := f.plan(t.Context(), to, Options{})
				require.NoError(t, err)
				var real *Plan
				if to == "" {
					real, err = PlanRemoval(t.Context(), w.options())
					require.NoError(t, err)
				} else {
					real = w.plan(parse(t, to))
				}
				assert.Equal(t, real.Changes(), planned.Changes())
				w.remove()
			}
		})
	}
}

// copied returns a fake kernel with the settings that the real kernel had before lvsmark.
func (w *world) copied() *fakeWorld {
	f := newFakeWorld(w.t)
	w.inEngine(w.options(), func(e *engine) error {
		s, err := e.Snapshot()
		if err != nil {
			return err
		}
		for _, name := range settingNames() {
			value, err := e.ReadSetting(name)
			if entry := s.Ledger().Settings[name]; entry.Changed {
				value = entry.Previous
			}
			if err == nil {
				f.AsOtherProcess(func() { err = f.WriteSetting(name, value) })
			}
			assert.NoError(w.t, err)
		}
		return nil
	})
	return f
}

func settingNames() []string {
	return []string{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.ip_default_ttl"}
}
