package lvsmark

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A changedKernel is a kernel that another process changes after the last step of an
// apply.
type changedKernel struct {
	kernel
	change func(*nft.Snapshot) error
	read   func([]ipvs.VirtualService) ([]ipvs.VirtualService, error)
}

func (k *changedKernel) Snapshot() (*nft.Snapshot, error) {
	s, err := k.kernel.Snapshot()
	if err == nil && k.change != nil {
		err = k.change(s)
	}
	return s, err
}

func (k *changedKernel) Services(keys ...ipvs.Key) ([]ipvs.VirtualService, error) {
	services, err := k.kernel.Services(keys...)
	if err == nil && k.read != nil {
		return k.read(services)
	}
	return services, err
}

// TestFakeVerify: differences after the last step are counted, and a kernel that cannot be
// read back is no success.
func TestFakeVerify(t *testing.T) {
	const differs = "applied, but another process changed lvsmark's tables or services at the same time (%d differences): `lvsmark diff` shows them"
	for name, c := range map[string]struct {
		change func(*nft.Snapshot) error
		read   func([]ipvs.VirtualService) ([]ipvs.VirtualService, error)
		want   string
	}{
		"unchanged": {nil, nil, ""},
		"tables":    {func(s *nft.Snapshot) error { s.Tables = nil; return nil }, nil, differs},
		"service":   {nil, func([]ipvs.VirtualService) ([]ipvs.VirtualService, error) { return nil, nil }, differs},
		"one weight": {nil, func(s []ipvs.VirtualService) ([]ipvs.VirtualService, error) {
			for i := range s {
				s[i].Destinations = slices.Clone(s[i].Destinations)
			}
			last := len(s) - 1
			s[last].Destinations[0].Weight += 7
			return s, nil
		}, differs},
		"no tables":   {func(*nft.Snapshot) error { return errFake }, nil, "applied, but it could not be read back: the kernel says no"},
		"no services": {nil, func([]ipvs.VirtualService) ([]ipvs.VirtualService, error) { return nil, errFake }, "applied, but it could not be read back: the kernel says no"},
		"foreign only": {nil, func(s []ipvs.VirtualService) ([]ipvs.VirtualService, error) {
			return append(s, ipvs.VirtualService{}), nil
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFakeWorld(t)
			p, err := w.plan(t.Context(), boundSpec, Options{})
			require.NoError(t, err)
			require.NotEmpty(t, p.services)
			_, err = w.carryOut(t.Context(), p)
			require.NoError(t, err)
			e := newEngine(&changedKernel{w.Kernel, c.change, c.read}, w.clock, Options{})
			err = e.verify(p)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			var failure *VerifyError
			require.ErrorAs(t, err, &failure)
			if c.want != differs {
				assert.EqualError(t, err, c.want)
				require.ErrorIs(t, err, errFake)
				return
			}
			assert.Positive(t, failure.Differences)
			assert.EqualError(t, err, fmt.Sprintf(differs, failure.Differences))
		})
	}
}
