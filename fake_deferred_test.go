package lvsmark

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// TestFakeDeferred: before a drain, real servers to be removed get weight 0, unless they
// have it, and nothing is removed.
func TestFakeDeferred(t *testing.T) {
	w := newFakeWorld(t)
	w.applied(strings.Replace(boundSpec, "{address: 10.0.0.12}", "{address: 10.0.0.12, weight: 0}, {address: 10.0.0.14, weight: 2}", 1))
	p, err := w.plan(t.Context(), drainSpec(), Options{})
	require.NoError(t, err)
	var lines []string
	for _, c := range p.deferred().services {
		lines = append(lines, c.String())
	}
	assert.Equal(t, []string{
		"add real server 10.0.0.13 of fwmark 21 IPv4: -m -w 1",
		"real server 10.0.0.14 of fwmark 21 IPv4: weight 2 -> 0",
	}, lines)
}

// TestFakeDrainNotReplanned: errors after the drain say that the real servers were drained.
func TestFakeDrainNotReplanned(t *testing.T) {
	for name, set := range map[string]func(*changedKernel){
		"the rest cannot be planned": func(k *changedKernel) { k.change = func(*nft.Snapshot) error { return errFake } },
		"connections cannot be counted": func(k *changedKernel) {
			k.read = func([]ipvs.VirtualService) ([]ipvs.VirtualService, error) { return nil, errFake }
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFakeDrain(t, ipvs.Connections{Active: 1})
			p, err := d.plan(t.Context(), drainSpec(), Options{Drain: time.Hour})
			require.NoError(t, err)
			k := &changedKernel{kernel: d.Kernel}
			d.clock.tick = func(time.Time) {
				d.connect(ipvs.Connections{})
				set(k)
			}
			e := newEngine(k, d.clock, p.opts)
			defer e.close()
			_, err = e.apply(t.Context(), p)
			require.ErrorIs(t, err, errFake)
			require.ErrorIs(t, err, errDrained)
			assert.Contains(t, d.String(), "-r 10.0.0.12:0 -m -w 0\n")
		})
	}
}

// TestSystemClock: the clock of the system advances.
func TestSystemClock(t *testing.T) {
	before := systemClock{}.Now()
	after := <-systemClock{}.After(time.Nanosecond)
	assert.False(t, after.Before(before))
	assert.False(t, before.IsZero())
}
