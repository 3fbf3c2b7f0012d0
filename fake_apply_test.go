package lvsmark

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// fakeSpecs returns the specs of the tests on the real kernel.
func fakeSpecs() []string {
	return []string{"", unboundSpec, boundSpec, otherSpec, hooksSpec, networkSpec, shardSpec}
}

// pairs calls f for each pair of specs, with the first applied. The specs for single keys are
// paired with no spec and with one other.
func pairs(t *testing.T, f func(w *fakeWorld, from, to string)) {
	t.Helper()
	if testing.Short() {
		t.Skip("does not depend on IPVS")
	}
	ofKeys, partners := []string{hooksSpec, networkSpec, shardSpec}, []string{"", boundSpec}
	for _, from := range fakeSpecs() {
		for _, to := range fakeSpecs() {
			if from != to && (slices.Contains(ofKeys, from) && !slices.Contains(partners, to) ||
				slices.Contains(ofKeys, to) && !slices.Contains(partners, from)) {
				continue
			}
			w := newFakeWorld(t)
			w.applied(from)
			f(w, from, to)
		}
	}
}

// TestFakeApply applies each spec over each other spec, and removes it.
func TestFakeApply(t *testing.T) {
	untouched := newFakeWorld(t).String()
	pairs(t, func(w *fakeWorld, from, to string) {
		planned, err := w.plan(t.Context(), to, Options{})
		require.NoError(t, err)
		assert.Equal(t, from == to, len(planned.Changes()) == 0)
		assert.Equal(t, planned.String(), w.applied(to).String())
		w.settled(to)
		w.applied("")
		assert.Equal(t, untouched, w.String())
	})
}

// calls returns the number of calls of an apply that change the kernel.
func (w *fakeWorld) calls(spec string) int {
	n := 0
	w.After = func(string) error { n++; return nil }
	w.applied(spec)
	w.After = nil
	return n
}

var errFake = errors.New("the kernel says no")

// TestFakeEachCallFails has each call of an apply fail in turn, and in a second round has
// its answer lost. Apply undoes its changes, the next apply succeeds, and delete removes
// everything.
func TestFakeEachCallFails(t *testing.T) {
	untouched := newFakeWorld(t).String()
	pairs(t, func(w *fakeWorld, from, to string) {
		if from == to {
			return
		}
		before, calls := w.String(), w.calls(to)
		require.NotZero(t, calls)
		for n := range calls {
			for _, lost := range []bool{false, true} {
				w := newFakeWorld(t)
				w.applied(from)
				w.failAt(n, lost)
				_, err := w.apply(t.Context(), to, Options{})
				w.Before, w.After = nil, nil
				require.ErrorIs(t, err, errFake, "call %d of %d", n, calls)
				assert.Equal(t, before, w.String(), "%v", err)
				w.applied(to)
				w.applied("")
				assert.Equal(t, untouched, w.String())
			}
		}
	})
}

// failAt makes the nth call fail once; lost: the call succeeds and its answer is lost.
func (w *fakeWorld) failAt(n int, lost bool) {
	count := 0
	fail := func(string) error {
		if count++; count == n+1 {
			return errFake
		}
		return nil
	}
	if lost {
		w.After = fail
	} else {
		w.Before = fail
	}
}

// TestFakeKilled stops an apply after each of its steps, without undo: the ledger is
// sufficient for the next apply and for delete.
func TestFakeKilled(t *testing.T) {
	untouched := newFakeWorld(t).String()
	pairs(t, func(w *fakeWorld, from, to string) {
		for n := 1; ; n++ {
			for _, next := range []string{to, ""} {
				w := newFakeWorld(t)
				w.applied(from)
				if !w.killed(to, n) {
					return
				}
				w.applied(next)
				w.settled(next)
				w.applied("")
				assert.Equal(t, untouched, w.String())
			}
		}
	})
}

// killed does the first n steps of an apply; false: it has fewer steps.
func (w *fakeWorld) killed(to string, n int) bool {
	p, err := w.plan(w.t.Context(), to, Options{})
	require.NoError(w.t, err)
	e := newEngine(w.Kernel, w.clock, Options{})
	steps := p.steps(e, p.live.Generation)
	require.NoError(w.t, run(w.t.Context(), steps[:min(n, len(steps))], e.progress))
	return n < len(steps)
}

// TestFakeInterrupted ends the context before each step: the steps before it are undone.
func TestFakeInterrupted(t *testing.T) {
	pairs(t, func(w *fakeWorld, from, to string) {
		if from == to {
			return
		}
		var steps []string
		_, err := w.apply(t.Context(), to, Options{Progress: func(step string) { steps = append(steps, step) }})
		require.NoError(t, err)
		steps = steps[:slices.Index(steps, "read back")]
		for i, step := range steps {
			w := newFakeWorld(t)
			w.applied(from)
			before := w.String()
			ctx, cancel := context.WithCancel(t.Context())
			_, err := w.apply(ctx, to, Options{Progress: func(begins string) {
				if begins == step {
					cancel()
				}
			}})
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
				assert.Equal(t, before, w.String(), step)
			} else {
				assert.Equal(t, len(steps)-1, i, "only the last step is over when the context ends")
			}
			cancel()
		}
	})
}

// TestFakeStale has another process change the kernel between the plan and each kind
// of commit: apply plans again, and the other process's change stays.
func TestFakeStale(t *testing.T) {
	for name, c := range map[string]struct {
		from, to  string
		meanwhile func(*fakeWorld)
	}{
		"a table, one transaction": {"", marksSpec, func(w *fakeWorld) { w.AddForeign(nft.TableName{Family: nft.IPv4, Name: "meanwhile"}) }},
		"a table":                  {"", boundSpec, func(w *fakeWorld) { w.AddForeign(nft.TableName{Family: nft.IPv4, Name: "meanwhile"}) }},
		"lvsmark's tables":         {boundSpec, otherSpec, func(w *fakeWorld) { w.SetTables(&nft.Ruleset{}) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFakeWorld(t)
			w.applied(c.from)
			p, err := w.plan(t.Context(), c.to, Options{Adopt: true})
			require.NoError(t, err)
			c.meanwhile(w)
			_, err = w.carryOut(t.Context(), p)
			require.NoError(t, err)
			w.settled(c.to)
			s, err := w.Snapshot()
			require.NoError(t, err)
			assert.Nil(t, s.Locked)
		})
	}
}

// TestFakeAlwaysStale: another process changes the kernel before each commit.
func TestFakeAlwaysStale(t *testing.T) {
	w := newFakeWorld(t)
	before, tries := w.String(), 0
	w.Before = func(call string) error {
		if call == "add service fwmark 21 IPv4" {
			tries++
			return ipvs.ErrStale
		}
		return nil
	}
	_, err := w.apply(t.Context(), boundSpec, Options{})
	require.ErrorIs(t, err, ipvs.ErrStale)
	assert.Equal(t, applyTries, tries)
	assert.Equal(t, before, w.String())
}

// TestFakeSingleTakesNoLock: a single transaction takes the lock only if it is out of
// date.
func TestFakeSingleTakesNoLock(t *testing.T) {
	w := newFakeWorld(t)
	var calls []string
	w.After = func(call string) error { calls = append(calls, call); return nil }
	w.applied(marksSpec)
	assert.Equal(t, []string{"commit"}, calls)

	calls = nil
	p, err := w.plan(t.Context(), "", Options{})
	require.NoError(t, err)
	w.AddForeign(nft.TableName{Family: nft.IPv4, Name: "meanwhile"})
	_, err = w.carryOut(t.Context(), p)
	require.NoError(t, err)
	assert.Equal(t, []string{"lock", "commit"}, calls)
}

// TestFakeForeignService: apply takes over a service that is in no ledger if it is as
// desired, or with Adopt.
func TestFakeForeignService(t *testing.T) {
	w := newFakeWorld(t)
	w.applied(boundSpec)
	whole := w.String()
	w.SetTables(&nft.Ruleset{})
	w.applied(boundSpec)
	assert.Equal(t, whole, w.String(), "as desired")

	w.SetTables(&nft.Ruleset{})
	w.editWeight(21, "10.0.0.11", 9)
	before := w.String()
	_, err := w.apply(t.Context(), boundSpec, Options{})
	require.ErrorIs(t, err, ErrForeignService)
	assert.ErrorContains(t, err, "fwmark 21 IPv4")
	assert.Equal(t, before, w.String())

	_, err = w.apply(t.Context(), boundSpec, Options{Adopt: true})
	require.NoError(t, err)
	assert.Equal(t, whole, w.String())
}

// TestFakeNoIPVS: without IPVS, a spec that needs it is refused, and delete succeeds.
func TestFakeNoIPVS(t *testing.T) {
	w := newFakeWorld(t)
	w.applied(boundSpec)
	w.NoIPVS = true
	before := w.String()
	_, err := w.apply(t.Context(), boundSpec, Options{})
	require.ErrorIs(t, err, ipvs.ErrNoIPVS)
	assert.Equal(t, before, w.String())

	p := w.applied("")
	require.Len(t, p.Notes(), 1)
	assert.Contains(t, p.Notes()[0], "ipvs.timeout.tcp cannot be put back to 900: this kernel has no IPVS")
}

// A markingKernel must not load IPVS.
type markingKernel struct {
	kernel
	t *testing.T
}

func (k *markingKernel) OpenIPVS() error {
	assert.Fail(k.t, "IPVS is loaded")
	return ipvs.ErrNoIPVS
}

// TestFakeMarksOnly: a spec that only marks is planned without IPVS.
func TestFakeMarksOnly(t *testing.T) {
	w := newFakeWorld(t)
	w.NoIPVS = true
	w.applied(unboundSpec)
	e := newEngine(&markingKernel{w.Kernel, t}, w.clock, Options{})
	defer e.close()
	p, err := e.planSpec(t.Context(), Known(parse(t, unboundSpec)))
	require.NoError(t, err)
	assert.Equal(t, "no difference\n", p.String())
}

// TestFakeLostConnections: if an apply fails after it has removed real servers, the error names
// them: undo cannot restore their connections.
func TestFakeLostConnections(t *testing.T) {
	w := newFakeWorld(t)
	w.applied(boundSpec)
	removed := false
	w.Before = func(call string) error {
		if removed && !strings.HasPrefix(call, "delete ") {
			removed = false
			return errFake
		}
		removed = removed || call == "delete real server 10.0.0.12 of fwmark 21 IPv4"
		return nil
	}
	_, err := w.apply(t.Context(), "", Options{})
	rollback, ok := errors.AsType[*RollbackError](err)
	require.True(t, ok, err)
	assert.ElementsMatch(t, []string{
		"real server 10.0.0.11 of fwmark 21 IPv4", "real server 10.0.0.12 of fwmark 21 IPv4", "real server fd00::11 of fwmark 21 IPv6",
	}, rollback.Lost)
	w.Before = nil
	w.settled(boundSpec)
}

// TestFakeAdoptRemoves: the plan names what it removes of a service that it takes over.
func TestFakeAdoptRemoves(t *testing.T) {
	w := newFakeWorld(t)
	w.addService(21, "10.0.0.11")
	services, err := w.Services()
	require.NoError(t, err)
	require.Len(t, services, 2)
	service, server := services[1].Service, services[1].Destinations[0]
	before, limited := service, server
	service.Flags, service.PEName = ipvs.SHPort|ipvs.SHFallback, "sip"
	limited.UpperThreshold, limited.LowerThreshold = 100, 80
	for _, err := range w.ChangeServices(
		ipvs.Change{Op: ipvs.EditService, Previous: before, Service: service},
		ipvs.Change{Op: ipvs.EditDestination, Service: service, Before: server, After: limited},
	) {
		require.NoError(t, err)
	}
	p, err := w.plan(t.Context(), boundSpec, Options{Adopt: true})
	require.NoError(t, err)
	text := p.String()
	assert.Contains(t, text, "removes scheduler flags flag-1,flag-2, persistence engine sip")
	assert.Contains(t, text, "removes upper threshold 100, lower threshold 80")
}
