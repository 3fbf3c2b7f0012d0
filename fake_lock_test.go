package lvsmark

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// TestFakeLocked: while one process holds the lock, others change nothing, and their
// errors name the owner. Plans need no lock.
func TestFakeLocked(t *testing.T) {
	for _, from := range []string{"", boundSpec} {
		w := newFakeWorld(t)
		w.applied(from)
		release, _, err := w.Acquire("pid 1, apply --confirm 60s", 0)
		require.NoError(t, err)
		before := w.String()
		for _, spec := range []string{unboundSpec, otherSpec, marksSpec} { // the last can be a single transaction
			p, err := w.plan(t.Context(), spec, Options{})
			require.NoError(t, err)
			assert.NotEmpty(t, p.Changes())
			_, err = w.carryOut(t.Context(), p)
			locked, _ := errors.AsType[*nft.LockedError](err)
			require.NotNil(t, locked, "%v", err)
			assert.Equal(t, "pid 1, apply --confirm 60s", locked.LockOwner)
		}
		assert.Equal(t, before, w.String())
		require.NoError(t, release())
		w.applied(otherSpec)
		w.settled(otherSpec)
	}
}

// TestFakeLockOwner: the lock names its owner and start time, and ends with the apply.
func TestFakeLockOwner(t *testing.T) {
	for _, c := range []struct{ owner, want string }{{"", "apply"}, {"apply --drain 5m", "apply --drain 5m"}} {
		w := newFakeWorld(t)
		var during string
		opts := Options{LockOwner: c.owner, Progress: func(step string) {
			if step == "change the marks" {
				during, _, _ = w.LockOwner()
			}
		}}
		_, err := w.apply(t.Context(), boundSpec, opts)
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf("pid %d, %s, since 2026-01-02T03:04:05Z", os.Getpid(), c.want), during)
		_, locked, _ := w.LockOwner()
		assert.False(t, locked)
	}
}

// TestLockToken: a plan made before the lock is valid if only the lock changed the
// ruleset since.
func TestLockToken(t *testing.T) {
	token := LockToken{Before: 7, After: 8}
	for read, want := range map[uint32]uint32{7: 8, 8: 8, 9: 9} {
		generation, err := token.generation(read)
		require.NoError(t, err)
		assert.Equal(t, want, generation)
	}
	_, err := token.generation(6)
	assert.ErrorIs(t, err, nft.ErrStale)
}

// TestFakePlanWithLock applies a plan under the lock of another process, which changes
// the ruleset's generation, and a plan that is out of date.
func TestFakePlanWithLock(t *testing.T) {
	for name, meanwhile := range map[string]func(*fakeWorld){
		"nothing":     func(*fakeWorld) {},
		"another one": func(w *fakeWorld) { w.applied(otherSpec) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newFakeWorld(t)
			p, err := w.plan(t.Context(), boundSpec, Options{})
			require.NoError(t, err)
			meanwhile(w)
			locked := w.lock()
			_, err = w.carryOut(t.Context(), p)
			require.Error(t, err, "without the token")
			_, err = w.carryOut(t.Context(), p.WithLock(locked.LockToken))
			require.NoError(t, err)
			require.NoError(t, locked.Release())
			w.settled(boundSpec)
		})
	}
}

// lock takes the lock and a checkpoint.
func (w *fakeWorld) lock() *LockedCheckpoint {
	w.t.Helper()
	locked, err := newEngine(w.Kernel, w.clock, Options{}).lock(w.t.Context())
	require.NoError(w.t, err)
	return locked
}

// restore restores the checkpoint, as Checkpoint.Restore does.
func (w *fakeWorld) restore(c *Checkpoint) error {
	p, err := w.do(c.opts, func(e *engine) (*Plan, error) { return e.planState(w.t.Context(), c.desired()) })
	if err == nil {
		_, err = w.carryOut(w.t.Context(), p)
	}
	return err
}

// TestFakeCheckpoint applies each spec over each other spec under a checkpoint. Restore
// restores the state before, including changes made by hand.
func TestFakeCheckpoint(t *testing.T) {
	pairs(t, func(w *fakeWorld, from, to string) {
		if from == boundSpec {
			w.editWeight(21, "10.0.0.11", 7)
		}
		w.AsOtherProcess(func() { require.NoError(t, w.WriteSetting("net.ipv4.ip_forward", "1")) })
		before := w.String()
		locked := w.lock()
		p, err := w.plan(t.Context(), to, Options{LockToken: &locked.LockToken})
		require.NoError(t, err)
		_, err = w.carryOut(t.Context(), p)
		require.NoError(t, err)
		require.NoError(t, w.restore(&locked.Checkpoint))
		require.NoError(t, locked.Release())
		assert.Equal(t, before, w.String())
		w.applied(from)
		w.settled(from)
	})
}

// TestFakeCheckpointOfAdopted: Restore returns an adopted service to its state before the
// adoption, and removes it from the ledger.
func TestFakeCheckpointOfAdopted(t *testing.T) {
	w := newFakeWorld(t)
	w.addService(21, "10.0.0.99")
	before := w.String()
	locked := w.lock()
	_, err := w.apply(t.Context(), boundSpec, Options{Adopt: true, LockToken: &locked.LockToken})
	require.NoError(t, err)
	assert.NotContains(t, w.String(), "10.0.0.99")
	require.NoError(t, w.restore(&locked.Checkpoint))
	require.NoError(t, locked.Release())
	assert.Equal(t, before, w.String())
}

// TestFakeCheckpointTakesOver: Restore edits a service with a mark of the checkpoint in
// place, even if another program made it.
func TestFakeCheckpointTakesOver(t *testing.T) {
	w := newFakeWorld(t)
	w.applied(boundSpec)
	before := w.String()
	locked := w.lock()
	_, err := w.apply(t.Context(), otherSpec, Options{LockToken: &locked.LockToken})
	require.NoError(t, err)
	w.addService(21, "10.0.0.99")
	require.NoError(t, w.restore(&locked.Checkpoint))
	require.NoError(t, locked.Release())
	assert.Equal(t, before, w.String())
}

// TestFakeCheckpointUnconditional: Restore ignores Options.FailOn.
func TestFakeCheckpointUnconditional(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{})
	before := d.String()
	locked, err := newEngine(d.Kernel, d.clock, Options{FailOn: impact.Cuts, Drain: time.Hour}).lock(t.Context())
	require.NoError(t, err)
	_, err = d.apply(t.Context(), drainSpec(), Options{LockToken: &locked.LockToken})
	require.NoError(t, err)
	d.SetConnections(ipvs.Key{Mark: 21, Family: config.IPv4}, netip.MustParseAddr("10.0.0.13"), ipvs.Connections{Active: 1})
	require.NoError(t, d.restore(&locked.Checkpoint))
	require.NoError(t, locked.Release())
	assert.Equal(t, before, d.String())
	assert.Zero(t, d.after())
}

// TestFakeCheckpointSettings: Restore also puts back a value set by another process, and
// fails if a setting no longer exists.
func TestFakeCheckpointSettings(t *testing.T) {
	w := newFakeWorld(t)
	before := w.String()
	locked := w.lock()
	_, err := w.apply(t.Context(), unboundSpec, Options{LockToken: &locked.LockToken})
	require.NoError(t, err)
	w.AsOtherProcess(func() { require.NoError(t, w.WriteSetting("net.ipv4.ip_default_ttl", "99")) })
	require.NoError(t, w.restore(&locked.Checkpoint))
	assert.Equal(t, before, strings.ReplaceAll(w.String(), "locked: "+w.owner()+"\n", ""))

	_, err = w.apply(t.Context(), unboundSpec, Options{LockToken: &locked.LockToken})
	require.NoError(t, err)
	w.RemoveSetting("net.ipv4.ip_default_ttl")
	assert.ErrorContains(t, w.restore(&locked.Checkpoint), "net.ipv4.ip_default_ttl: ")
}

func (w *fakeWorld) owner() string {
	owner, _, err := w.LockOwner()
	require.NoError(w.t, err)
	return owner
}

// TestFakePlanFile changes each kind of object between a plan file and its apply: apply
// refuses the plan, lists the reasons, and changes nothing.
func TestFakePlanFile(t *testing.T) {
	next := strings.Replace(boundSpec, "10.0.0.11}", "10.0.0.19}", 1)
	for name, c := range map[string]struct {
		by    func(*fakeWorld)
		moved string
	}{
		"nothing":         {func(*fakeWorld) {}, ""},
		"another table":   {func(w *fakeWorld) { w.AddForeign(nft.TableName{Family: nft.IPv4, Name: "another"}) }, ""},
		"weight":          {func(w *fakeWorld) { w.editWeight(21, "10.0.0.11", 5) }, "needed in addition: delete real-server 10.0.0.11:0 -m -w 5"},
		"another service": {func(w *fakeWorld) { w.addService(4000, "10.0.0.40") }, "an IPVS service or real server was changed since"},
		"setting":         {func(w *fakeWorld) { _ = w.WriteSetting("net.ipv4.ip_forward", "0") }, "needed in addition: edit setting net.ipv4.ip_forward = 0 -> net.ipv4.ip_forward = 1"},
		"timeout":         {func(w *fakeWorld) { _ = w.WriteSetting(config.TimeoutTCP, "100") }, "needed in addition: edit setting ipvs.timeout.tcp = 100"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFakeWorld(t)
			w.applied(boundSpec)
			p, err := w.plan(t.Context(), next, Options{Saves: true})
			require.NoError(t, err)
			saved := p.Save(SpecDigest{"spec.yaml", next})
			c.by(w)
			before := w.String()
			planned, err := w.planFile(saved, next, "spec.yaml")
			if c.moved == "" {
				require.NoError(t, err)
				_, err = w.carryOut(t.Context(), planned)
				require.NoError(t, err)
				w.settled(next)
				return
			}
			stale, _ := errors.AsType[*StalePlanError](err)
			require.NotNil(t, stale, "%v", err)
			assert.ErrorContains(t, err, c.moved)
			assert.Equal(t, before, w.String())
		})
	}
}

// planFile returns the plan of a plan file, as SavedPlan.Plan does.
func (w *fakeWorld) planFile(saved *SavedPlan, spec, file string) (*Plan, error) {
	p, err := w.plan(w.t.Context(), spec, Options{Saves: true})
	if err != nil {
		return nil, err
	}
	return p.checked(&fileCheck{saved, SpecDigest{file, spec}})
}

// TestFakePlanFileTooLate changes the kernel between the check of a plan file and its
// commit. With Options.Strict the plan is refused. Otherwise it is checked again and
// applied.
func TestFakePlanFileTooLate(t *testing.T) {
	for _, strict := range []bool{false, true} {
		w := newFakeWorld(t)
		p, err := w.plan(t.Context(), boundSpec, Options{Saves: true})
		require.NoError(t, err)
		p, err = w.planFile(p.Save(SpecDigest{"spec.yaml", boundSpec}), boundSpec, "spec.yaml")
		require.NoError(t, err)
		p.opts.Strict = strict
		w.AddForeign(nft.TableName{Family: nft.IPv4, Name: "meanwhile"})
		before := w.String()
		_, err = w.carryOut(t.Context(), p)
		if !strict {
			require.NoError(t, err)
			w.settled(boundSpec)
			continue
		}
		stale, _ := errors.AsType[*StalePlanError](err)
		require.NotNil(t, stale, "%v", err)
		assert.ErrorContains(t, err, "the nftables ruleset was changed since")
		assert.Equal(t, before, w.String())
	}
}

// TestFakeFailOn: a plan with an effect at least as severe as FailOn is refused.
func TestFakeFailOn(t *testing.T) {
	d := newFakeDrain(t, ipvs.Connections{Active: 3})
	before := d.String()
	for effect, spec := range map[impact.Effect]string{
		impact.Cuts:   drainSpec(),
		impact.Drains: strings.Replace(boundSpec, "{address: 10.0.0.12}", "{address: 10.0.0.12, weight: 0}", 1),
	} {
		p, err := d.plan(t.Context(), spec, Options{FailOn: effect})
		require.NoError(t, err)
		_, err = d.carryOut(t.Context(), p)
		refused, _ := errors.AsType[*ImpactError](err)
		require.NotNil(t, refused, "%v", err)
		assert.Equal(t, err, p.Refused())
		assert.Equal(t, before, d.String())
	}
	p, err := d.plan(t.Context(), strings.Replace(boundSpec, "{address: 10.0.0.12}", "{address: 10.0.0.12, weight: 0}", 1), Options{FailOn: impact.Cuts})
	require.NoError(t, err)
	require.NoError(t, p.Refused(), "it only drains")
}
