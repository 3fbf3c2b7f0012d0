package lvsmark

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// TestSource: mistakes of a spec take precedence over errors of the kernel, and nothing
// changes.
func TestSource(t *testing.T) {
	mistakes := errors.New("mistakes")
	source := func() (*config.Spec, error) { return nil, mistakes }
	nowhere := Options{NetNS: "lvsmark-test-none"}

	_, err := PlanSpec(t.Context(), source, nowhere)
	assert.Equal(t, mistakes, err)

	w := newWorld(t)
	before := w.state()
	_, err = PlanSpec(t.Context(), source, w.options())
	assert.Equal(t, mistakes, err)
	assert.Equal(t, before, w.state())
}

// TestReadAgain changes the ruleset after the snapshot and before the rest of the plan: the
// plan contains the change.
func TestReadAgain(t *testing.T) {
	w := newWorld(t)
	opts := w.options()
	opts.Progress = func(step string) {
		if step == "validate the ruleset" {
			w.nft("add table ip meanwhile")
		}
	}
	w.inEngine(opts, func(e *engine) error {
		p, err := e.planSpec(t.Context(), Known(parse(t, marksSpec)))
		if err != nil {
			return err
		}
		assert.Contains(t, p.live.Foreign, nft.TableName{Family: nft.IPv4, Name: "meanwhile"})
		return nil
	})
}
