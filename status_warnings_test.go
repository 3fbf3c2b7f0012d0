package lvsmark

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

// An unaskedKernel must not be asked for warnings.
type unaskedKernel struct {
	kernel
	t *testing.T
}

func (k *unaskedKernel) Warnings(*config.Spec) []string {
	assert.Fail(k.t, "warnings are read")
	return nil
}

// TestStatusWithoutWarnings: other programs' tables can be large, and no status shows them.
func TestStatusWithoutWarnings(t *testing.T) {
	w := newFakeWorld(t)
	e := newEngine(&unaskedKernel{w.Kernel, t}, w.clock, Options{})
	defer e.close()
	report, err := e.status(t.Context(), Known(parse(t, boundSpec)))
	require.NoError(t, err)
	assert.Len(t, report.Clusters, 1)
}
