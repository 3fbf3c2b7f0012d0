package lvsmark

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/drain"
	"github.com/lvsmark/lvsmark/internal/status"
	"github.com/lvsmark/lvsmark/ipvs"
)

func drained() drain.Name { return drain.Name{Cluster: "ftp", Server: "10.0.0.12"} }

// drainServer drains 10.0.0.12 of boundSpec.
func (d *fakeDrain) drainServer(ctx context.Context, spec string, limit time.Duration) (result *ServerDrain, err error) {
	opts := Options{Progress: func(step string) { d.steps = append(d.steps, step) }}
	_, _ = d.do(opts, func(e *engine) (*Plan, error) {
		result, err = e.drainServer(ctx, Known(parse(d.t, spec)), drained(), limit)
		return nil, err
	})
	return result, err
}

func (d *fakeDrain) undrain(spec string) (*Plan, error) {
	return d.do(Options{}, func(e *engine) (*Plan, error) {
		p, _, err := e.setWeights(d.t.Context(), Known(parse(d.t, spec)), drained(), drain.Servers.Restore)
		return p, err
	})
}

func (d *fakeDrain) state() status.State {
	d.t.Helper()
	var report *status.Report
	_, err := d.do(Options{Adopt: true}, func(e *engine) (_ *Plan, err error) {
		report, err = e.status(d.t.Context(), Known(parse(d.t, boundSpec)))
		return nil, err
	})
	require.NoError(d.t, err)
	return report.Clusters[0].State
}

const drainNote = "note: real server 10.0.0.12 of ftp was drained by `lvsmark drain`: apply gives it weight 1 again; weight: 0 in the spec keeps it drained\n"

// TestFakeDrainServer: the drain waits for connections and then for templates, without the
// lock. Until apply or the spec ends it, diff and status show it with its reason.
func TestFakeDrainServer(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 2, Inactive: 1, Persistent: 3})
	assert.Equal(t, status.InSync, d.state())
	d.clock.tick = func(time.Time) {
		assert.Contains(t, d.String(), "-r 10.0.0.12:0 -m -w 0\n")
		assert.NotContains(t, d.String(), "locked")
		switch d.after() {
		case 10 * time.Second:
			d.connect(ipvs.Connections{Inactive: 1, Persistent: 1})
		case 20 * time.Second:
			d.connect(ipvs.Connections{Persistent: 1})
		case 30 * time.Second:
			d.connect(ipvs.Connections{})
		}
	}
	result, err := d.drainServer(t.Context(), boundSpec, 0)
	require.NoError(t, err)
	assert.True(t, result.Ended)
	assert.Equal(t, 30*time.Second, d.after())
	assert.Subset(t, d.steps, []string{
		"drain: 2 active connections, 1 inactive, 3 persistence templates",
		"drain: 0 active connections, 1 inactive, 1 persistence template",
		"drain: 0 active connections, 0 inactive, 1 persistence template",
	})
	assert.Contains(t, d.String(), `comment "10.0.0.12:0 of fwmark 21, weight 1"`)
	assert.Equal(t, status.Drained, d.state())

	kept := strings.Replace(boundSpec, "{address: 10.0.0.12}", "{address: 10.0.0.12, weight: 0}", 1)
	d.settled(kept)
	p, err := d.plan(t.Context(), boundSpec, Options{})
	require.NoError(t, err)
	assert.Contains(t, p.String(), "edit real-server 10.0.0.12:0 -m -w 0 -> 10.0.0.12:0 -m -w 1 of service fwmark 21 IPv4\n")
	assert.Contains(t, p.String(), drainNote)
	d.applied(boundSpec)
	assert.NotContains(t, d.String(), "drained")
	d.settled(boundSpec)
}

// TestFakeDrainServerUndone: an undo leaves the state before the drain.
func TestFakeDrainServerUndone(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{})
	before := d.String()
	_, err := d.drainServer(t.Context(), boundSpec, 0)
	require.NoError(t, err)
	assert.Zero(t, d.after())
	p, err := d.undrain(boundSpec)
	require.NoError(t, err)
	assert.Contains(t, p.String(), "-w 0 -> 10.0.0.12:0 -m -w 1")
	assert.Equal(t, before, d.String())
	_, err = d.undrain(boundSpec)
	require.NoError(t, err)
	assert.Equal(t, before, d.String())
}

// TestFakeDrainServerLimit: after the limit, the weight stays 0.
func TestFakeDrainServerLimit(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 2})
	result, err := d.drainServer(t.Context(), boundSpec, 90*time.Second)
	require.NoError(t, err)
	assert.False(t, result.Ended)
	assert.Equal(t, 90*time.Second, d.after())
	assert.Contains(t, d.String(), "-r 10.0.0.12:0 -m -w 0\n")
}

// TestFakeDrainServerUnreleased: if the lock cannot be released, the drain stops, and the weight stays 0.
func TestFakeDrainServerUnreleased(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 2})
	broken := errors.New("the lock is not released")
	e := newEngine(&unreleasedKernel{d.Kernel, broken}, d.clock, Options{})
	defer e.close()
	_, err := e.drainServer(t.Context(), Known(parse(t, boundSpec)), drained(), 0)
	require.ErrorIs(t, err, drain.ErrStopped)
	require.ErrorIs(t, err, broken)
	assert.Zero(t, d.after())
	assert.Contains(t, d.String(), "-r 10.0.0.12:0 -m -w 0\n")
}

// An unreleasedKernel fails to release the lock.
type unreleasedKernel struct {
	kernel
	err error
}

func (k *unreleasedKernel) Acquire(owner string, generation uint32) (func() error, uint32, error) {
	release, after, err := k.kernel.Acquire(owner, generation)
	return func() error { return errors.Join(k.err, release()) }, after, err
}

// TestFakeDrainServerTemplates: templates that the kernel ignores are not waited for.
func TestFakeDrainServerTemplates(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Persistent: 2})
	require.NoError(t, d.WriteSetting("net.ipv4.vs.expire_quiescent_template", "1"))
	result, err := d.drainServer(t.Context(), boundSpec, 0)
	require.NoError(t, err)
	assert.True(t, result.Ended)
	assert.Zero(t, d.after())
	assert.Contains(t, result.Plan.String(), "note: service fwmark 21 IPv4: net.ipv4.vs.expire_quiescent_template is 1")
}

// TestFakeDrainServerInterrupted: the weight stays 0, and the next drain continues.
func TestFakeDrainServerInterrupted(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 1})
	ctx, cancel := context.WithCancel(t.Context())
	d.clock.tick = func(time.Time) { cancel() }
	_, err := d.drainServer(ctx, boundSpec, 0)
	require.ErrorIs(t, err, drain.ErrStopped)
	assert.EqualError(t, err, "drain interrupted: the weight stays 0, and `lvsmark drain` continues; 1 active connection, 0 inactive, 0 persistence templates left")
	assert.Contains(t, d.String(), "-r 10.0.0.12:0 -m -w 0\n")
	d.clock.tick = func(time.Time) { d.connect(ipvs.Connections{}) }
	result, err := d.drainServer(t.Context(), boundSpec, 0)
	require.NoError(t, err)
	assert.True(t, result.Ended)
}

// TestFakeDrainServerOverridden: another process sets the weight while the drain waits.
func TestFakeDrainServerOverridden(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 1})
	d.clock.tick = func(time.Time) { d.editWeight(21, "10.0.0.12", 5) }
	_, err := d.drainServer(t.Context(), boundSpec, 0)
	assert.EqualError(t, err, "another process has set the weight to 5: the drain has ended")
}

// TestFakeDrainServerRemoved: another process removes the real server while the drain waits, so
// nothing is known of its connections.
func TestFakeDrainServerRemoved(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 1})
	d.clock.tick = func(time.Time) { d.removeServer(21, "10.0.0.12") }
	_, err := d.drainServer(t.Context(), boundSpec, 0)
	assert.EqualError(t, err, "another process has removed real server 10.0.0.12 from service fwmark 21 IPv4: the drain has ended")
}

// TestFakeDrainServerEachCallFails: after a failure of any call, the kernel has the state
// before, or the error tells what is left; and the next apply leaves nothing of it.
func TestFakeDrainServerEachCallFails(t *testing.T) {
	for n := 0; ; n++ {
		d := newFakeDrain(t, ipvs.Connections{})
		before, calls, failed := d.String(), 0, false
		d.Before = func(string) error {
			calls++
			if calls-1 == n {
				failed = true
				return errFake
			}
			return nil
		}
		_, err := d.drainServer(t.Context(), boundSpec, 0)
		d.Before = nil
		if !failed {
			require.NoError(t, err)
			assert.GreaterOrEqual(t, n, 3, "lock, ledger, weight")
			return
		}
		require.ErrorIs(t, err, errFake)
		undone, isUndone := errors.AsType[*RollbackError](err)
		assert.True(t, !isUndone || len(undone.Left) == 0, "%v", err)
		assert.Equal(t, before, d.String(), "call %d", n)
		d.settled(boundSpec)
	}
}

// TestFakeDrainServerLocked: another lvsmark holds the lock.
func TestFakeDrainServerLocked(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{})
	release, _, err := d.Acquire("another", 0)
	require.NoError(t, err)
	_, err = d.drainServer(t.Context(), boundSpec, 0)
	assert.ErrorContains(t, err, "another")
	require.NoError(t, release())
}

// TestFakeDrainServerKept: an apply that leaves the real server alone leaves the record, and
// one that removes the real server removes it.
func TestFakeDrainServerKept(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{})
	_, err := d.drainServer(t.Context(), boundSpec, 0)
	require.NoError(t, err)
	kept := strings.Replace(boundSpec, "{address: 10.0.0.12}", "{address: 10.0.0.12, weight: 0}, {address: 10.0.0.13}", 1)
	p := d.applied(kept)
	assert.NotContains(t, p.String(), "drained")
	assert.Contains(t, d.String(), "set drained")
	d.settled(kept)
	without := strings.Replace(boundSpec, "{address: 10.0.0.12}, ", "", 1)
	d.applied(without)
	assert.NotContains(t, d.String(), "set drained")
	d.settled(without)
	d.applied("")
	assert.NotContains(t, d.String(), "lvsmark {")
}

// TestFakeUndrainEachCallFails: after a failure of any call of an undo, the real server is
// drained as before.
func TestFakeUndrainEachCallFails(t *testing.T) {
	for n := 0; ; n++ {
		d := newFakeDrain(t, ipvs.Connections{})
		_, err := d.drainServer(t.Context(), boundSpec, 0)
		require.NoError(t, err)
		before, calls, failed := d.String(), 0, false
		d.Before = func(string) error {
			calls++
			if calls-1 == n {
				failed = true
				return errFake
			}
			return nil
		}
		_, err = d.undrain(boundSpec)
		d.Before = nil
		if !failed {
			require.NoError(t, err)
			assert.GreaterOrEqual(t, n, 3, "lock, weight, ledger")
			return
		}
		require.ErrorIs(t, err, errFake)
		assert.Equal(t, before, d.String(), "call %d", n)
	}
}
