package lvsmark

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/nft"
)

// Options say where and how the engine works. The zero value works in the
// network namespace of the calling process.
type Options struct {
	NetNS     string            // name below /run/netns, or a path; empty: the caller's own
	Adopt     bool              // take over IPVS services of the spec's marks that differ and are not in the ledger
	Saves     bool              // the plan will be saved: read what Plan.Save needs besides
	Drain     time.Duration     // let connections of what goes end first, so long at the most; 0: do not wait
	FailOn    impact.Effect     // refuse changes that do this to live traffic, or worse; empty: none
	LockOwner string            // who asks, for others who find the namespace locked: "apply"; at most 60 bytes
	LockToken *LockToken        // the lock is taken already; nil: take it
	Progress  func(step string) // called at the start of each step; nil: nobody listens
}

// PlanSpec compares the spec with the kernel. It changes nothing outside a scratch
// network namespace.
func PlanSpec(ctx context.Context, source Source, opts Options) (*Plan, error) {
	return reading(source, func() (*Plan, error) {
		return planning(ctx, opts, func(e *engine) (*Plan, error) { return e.planSpec(ctx, source) })
	})
}

// PlanRemoval plans to take back all that Apply made. It needs no spec: what lvsmark
// owns is found in the kernel.
func PlanRemoval(ctx context.Context, opts Options) (*Plan, error) {
	return planning(ctx, opts, func(e *engine) (*Plan, error) { return e.planState(ctx, nothing()) })
}

// Apply carries the plan out, and returns the plan that it carried out: another
// one with the same aim where the kernel was changed since. When a step fails it
// undoes those before it and returns a *RollbackError. When there is nothing to do it
// writes nothing to the kernel. It returns a *nft.LockedError when another process
// applies.
func Apply(ctx context.Context, p *Plan) (*Plan, error) {
	return inKernel(p.opts, func(e *engine) (*Plan, error) { return e.apply(ctx, p) })
}

// planning calls f in the kernel. It says of an error that came of the context's end
// that nothing was done.
func planning(ctx context.Context, opts Options, f func(*engine) (*Plan, error)) (*Plan, error) {
	p, err := inKernel(opts, f)
	if ended := ctx.Err(); ended != nil && errors.Is(err, ended) {
		return nil, fmt.Errorf("%w; nothing was changed", context.Cause(ctx))
	}
	return p, err
}

// An engine works in one kernel.
type engine struct {
	kernel
	clock    clock
	opts     Options
	progress func(string)
	release  func() error // gives the lock back; nil: it is not taken, or the caller's
}

func newEngine(k kernel, c clock, opts Options) *engine {
	e := &engine{kernel: k, clock: c, opts: opts, progress: opts.Progress}
	if e.progress == nil {
		e.progress = func(string) {}
	}
	return e
}

func (e *engine) close() {
	e.Close()
	if e.release != nil {
		_ = e.release()
	}
}

// inKernel calls f on a thread in the namespace.
func inKernel[T any](opts Options, f func(*engine) (T, error)) (result T, err error) {
	if err := checkPrivileges(); err != nil {
		return result, err
	}
	err = InNamespace(opts.NetNS, func() error {
		k, err := openKernel()
		if err != nil {
			return err
		}
		e := newEngine(k, systemClock{}, opts)
		defer e.close()
		result, err = f(e)
		return err
	})
	return result, err
}

// planSpec compares the kernel with the spec. The ruleset is read before the spec is
// there, and again if somebody has changed it by the time the rest is.
func (e *engine) planSpec(ctx context.Context, source Source) (*Plan, error) {
	rehearsal := e.rehearse(source)
	ruleset, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	spec, err := source()
	if err != nil {
		return nil, err
	}
	if spec.Director.Bind {
		if err := e.OpenIPVS(); err != nil {
			return nil, err
		}
	}
	warnings := e.warnings(spec)
	e.progress("rehearse")
	r, err := rehearsal.await(ctx)
	if err != nil {
		return nil, err
	}
	if ruleset, err = e.readAgain(ruleset); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, cmp.Or(checkForeignTables(ruleset, r.compiled), r.err)
	}
	return e.compare(ctx, ruleset, desired(spec, r.rehearsed, e.opts.Adopt), warnings)
}

// planState compares the kernel with a desired state that needs no rehearsal.
func (e *engine) planState(ctx context.Context, want *Desired) (*Plan, error) {
	ruleset, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	return e.compare(ctx, ruleset, want, e.warnings(want.spec))
}

// planAgain makes the plan for what the kernel holds now.
func (e *engine) planAgain(ctx context.Context, p *Plan) (*Plan, error) {
	next, err := e.planState(ctx, p.desired)
	if err != nil {
		return nil, err
	}
	return next.checked(p.file)
}

func (e *engine) warnings(spec *config.Spec) []string {
	if spec == nil {
		return nil
	}
	e.progress("look at other tables")
	return e.Warnings(spec)
}

// A rehearsal is what became of the spec in a scratch network namespace.
type rehearsal struct {
	compiled, rehearsed *nft.Ruleset
	err                 error
}

// rehearsals has one rehearsal, sooner or later; of a spec with mistakes it has none.
type rehearsals <-chan rehearsal

// rehearse begins a rehearsal: it goes on while the kernel is read, for it has
// nothing to do with that.
func (e *engine) rehearse(source Source) rehearsals {
	done := make(chan rehearsal, 1)
	go func() {
		spec, err := source()
		if err != nil {
			return
		}
		r := rehearsal{compiled: nft.Compile(spec)}
		r.rehearsed, r.err = e.Rehearse(r.compiled)
		done <- r
	}()
	return done
}

func (r rehearsals) await(ctx context.Context) (rehearsal, error) {
	select {
	case done := <-r:
		return done, nil
	case <-ctx.Done():
		return rehearsal{}, ctx.Err()
	}
}

// compare reads the rest of the state, and finds what turns it into the desired
// one.
func (e *engine) compare(ctx context.Context, ruleset *nft.Snapshot, want *Desired, warnings []string) (*Plan, error) {
	have, err := e.observe(ctx, ruleset, want.scope)
	if err != nil {
		return nil, err
	}
	p, err := diff(have, want)
	if err != nil {
		return nil, err
	}
	p.opts, p.warnings = e.opts, warnings
	p.count(e.kernel)
	return p, nil
}

// A clock tells the time, and waits.
type clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

type systemClock struct{}

var _ clock = systemClock{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// A Source gives the spec, or its mistakes. It is called while the kernel is read,
// for both take their time, and by several goroutines. Each time it gives the same, as
// what sync.OnceValues makes does. One that may wait, as for the writer of a pipe, has
// to end with the context of the plan.
type Source func() (*config.Spec, error)

// Known is the Source of a spec that is there already.
func Known(spec *config.Spec) Source {
	return func() (*config.Spec, error) { return spec, nil }
}

// reading calls f, which asks the source, and has the source read meanwhile. A spec
// that has mistakes is the error, whatever else f has met.
func reading[T any](source Source, f func() (T, error)) (T, error) {
	go func() { _, _ = source() }()
	result, err := f()
	if err != nil {
		if _, mistakes := source(); mistakes != nil {
			return result, mistakes
		}
	}
	return result, err
}

// ErrPrivilege says that the process lacks a capability; see capabilities(7).
var ErrPrivilege = errors.New("missing privilege")

// checkPrivileges asks for what every verb that meets the kernel needs.
func checkPrivileges() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("reading the capabilities of this process: %w", err)
	}
	needs := []struct {
		bit      uint
		name     string
		whatItIs string
	}{
		{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN", "to read and change nftables, IPVS and addresses"},
		{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to rehearse in a network namespace"},
	}
	var missing []string
	for _, need := range needs {
		if data[need.bit/32].Effective&(1<<(need.bit%32)) == 0 {
			missing = append(missing, need.name+" ("+need.whatItIs+")")
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: this process lacks %s; run it as root", ErrPrivilege, strings.Join(missing, " and "))
	}
	return nil
}
