package lvsmark

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A brokenKernel fails in one call.
type brokenKernel struct {
	kernel
	call string
}

func (k *brokenKernel) fails(call string) error {
	if call == k.call {
		return errFake
	}
	return nil
}

func (k *brokenKernel) Snapshot() (*nft.Snapshot, error) {
	s, err := k.kernel.Snapshot()
	if failure := k.fails("tables"); failure != nil {
		return nil, failure
	}
	return s, err
}

func (k *brokenKernel) Generation() (uint32, error) {
	generation, err := k.kernel.Generation()
	if failure := k.fails("generation"); failure != nil {
		return 0, failure
	}
	return generation, err
}

func (k *brokenKernel) Rehearse(r *nft.Ruleset) (*nft.Ruleset, error) {
	if err := k.fails("rehearsal"); err != nil {
		return nil, err
	}
	return k.kernel.Rehearse(r)
}

func (k *brokenKernel) OpenIPVS() error {
	if err := k.fails("open IPVS"); err != nil {
		return err
	}
	return k.kernel.OpenIPVS()
}

func (k *brokenKernel) Services(expected ...ipvs.Key) ([]ipvs.VirtualService, error) {
	if err := k.fails("services"); err != nil {
		return nil, err
	}
	return k.kernel.Services(expected...)
}

func (k *brokenKernel) ServicesDigest() (string, error) {
	if err := k.fails("digest"); err != nil {
		return "", err
	}
	return k.kernel.ServicesDigest()
}

func (k *brokenKernel) Addresses() ([]hostaddr.Local, error) {
	if err := k.fails("addresses"); err != nil {
		return nil, err
	}
	return k.kernel.Addresses()
}

func (k *brokenKernel) ReadSetting(name string) (string, error) {
	if err := k.fails("settings"); err != nil {
		return "", err
	}
	return k.kernel.ReadSetting(name)
}

func (k *brokenKernel) Device(name string) error {
	if err := k.fails("device"); err != nil {
		return err
	}
	return k.kernel.Device(name)
}

// TestFakeUnreadable: each part of the state that cannot be read fails the plan of a spec,
// and changes nothing.
func TestFakeUnreadable(t *testing.T) {
	for _, call := range []string{"tables", "generation", "rehearsal", "open IPVS", "services", "digest", "addresses", "settings", "device"} {
		w := newFakeWorld(t)
		before := w.String()
		e := newEngine(&brokenKernel{w.Kernel, call}, w.clock, Options{Saves: true})
		p, err := e.planSpec(t.Context(), Known(parse(t, boundSpec)))
		require.ErrorIs(t, err, errFake, call)
		assert.Nil(t, p, call)
		assert.Equal(t, before, w.String(), call)
	}
	w := newFakeWorld(t)
	w.applied(boundSpec)
	for _, call := range []string{"tables", "open IPVS", "services", "addresses", "settings"} {
		_, err := newEngine(&brokenKernel{w.Kernel, call}, w.clock, Options{}).planState(t.Context(), nothing())
		require.ErrorIs(t, err, errFake, call)
		_, err = newEngine(&brokenKernel{w.Kernel, call}, w.clock, Options{}).lock(t.Context())
		require.ErrorIs(t, err, errFake, call)
	}
}
