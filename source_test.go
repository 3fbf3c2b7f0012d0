package lvsmark

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

// TestSource: the mistakes of a spec come before all that the kernel has to say,
// and nothing is done for them.
func TestSource(t *testing.T) {
	mistakes := errors.New("mistakes")
	source := func() (*config.Spec, error) { return nil, mistakes }
	nowhere := Options{NetNS: "lvsmark-test-none"}

	_, err := Plan(t.Context(), source, nowhere)
	assert.Equal(t, mistakes, err)
	_, err = Apply(t.Context(), source, nowhere)
	assert.Equal(t, mistakes, err)

	w := newWorld(t)
	before := w.state()
	_, err = Apply(t.Context(), source, w.options())
	assert.Equal(t, mistakes, err)
	assert.Equal(t, before, w.state())
}
