package lvsmark

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

// TestUnrehearsed: without a rehearsal, apply changes the kernel in the same way, and the
// next plan has no changes, with and without a rehearsal. A plan file of one is valid for
// the other.
func TestUnrehearsed(t *testing.T) {
	w, rehearsed := newWorld(t), newWorld(t)
	unrehearsed := w.options()
	unrehearsed.Unrehearsed = true
	specs := []*config.Spec{parse(t, unboundSpec), parse(t, manyPortsSpec), parse(t, unboundSpec)}
	for i, spec := range specs {
		want, err := PlanSpec(t.Context(), Known(spec), w.options())
		require.NoError(t, err)
		p, err := PlanSpec(t.Context(), Known(spec), unrehearsed)
		require.NoError(t, err)
		assert.Equal(t, want.String(), p.String())
		assert.NotEmpty(t, p.Changes(), i)

		opts := unrehearsed
		opts.Saves = true
		saving, err := PlanSpec(t.Context(), Known(spec), opts)
		require.NoError(t, err)
		digest := SpecDigest{File: "spec.yaml", SHA256: "0"}
		_, err = saving.Save(digest).Plan(t.Context(), spec, digest, w.options())
		require.NoError(t, err)

		_, err = Apply(t.Context(), p)
		require.NoError(t, err)
		assert.Empty(t, w.plan(spec).Changes())
		again, err := PlanSpec(t.Context(), Known(spec), unrehearsed)
		require.NoError(t, err)
		assert.Empty(t, again.Changes())
		rehearsed.apply(spec)
		assert.Equal(t, rehearsed.state(), w.state())
	}
}

// manyPortsSpec has a verdict map.
const manyPortsSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
  - {name: web, mark: 80, vips: [198.51.100.80], ports: [80, 443], real-servers: [{address: 10.0.0.11}]}
  - {name: mail, mark: 25, vips: [198.51.100.25], ports: [25, 465, 587], real-servers: [{address: 10.0.0.11}]}
  - {name: old, mark: 22, vips: [198.51.100.22], ftp: {passive-ports: 15000-25000, active-data: {translate: snat, source: 10.0.1.0/24}}, real-servers: [{address: 10.0.0.11}]}
director: {bind: false, ip-forward: false}
`
