package lvsmark

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/impact"
)

// TestFailOn: a plan with an effect at least as severe as FailOn is refused and changes
// nothing. The spec has marks only.
func TestFailOn(t *testing.T) {
	w := newWorld(t)
	opts := w.options()
	opts.FailOn = impact.Drains
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
	opts.FailOn = impact.Cuts
	_, err = applySpec(t.Context(), parse(t, fewer), opts)
	require.NoError(t, err, "there are no connections to cut")
}
