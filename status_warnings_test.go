package lvsmark

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
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

// An uncountedKernel has IPVS, but no statistics.
type uncountedKernel struct {
	kernel
	err error
}

func (k *uncountedKernel) Statistics(...ipvs.Key) ([]ipvs.CountedService, error) { return nil, k.err }

// TestStatusWithoutStatistics: an error of reading them is the error of status, whoever manages
// IPVS.
func TestStatusWithoutStatistics(t *testing.T) {
	for _, spec := range []string{boundSpec, unboundSpec} {
		w := newFakeWorld(t)
		broken := errors.New("no statistics")
		e := newEngine(&uncountedKernel{w.Kernel, broken}, w.clock, Options{})
		defer e.close()
		_, err := e.status(t.Context(), Known(parse(t, spec)))
		require.ErrorIs(t, err, broken)
	}
}
