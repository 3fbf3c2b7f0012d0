package lvsmark

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/privilege"
	"github.com/lvsmark/lvsmark/nft"
)

// Options configure the engine. The zero value selects the network namespace of the
// calling process.
type Options struct {
	NetNS       string            // name in /run/netns, or a path; empty: the caller's namespace
	Adopt       bool              // take over IPVS services with marks of the spec that differ and are not in the ledger
	Saves       bool              // read the digest of IPVS too, for Plan.Save
	Unrehearsed bool              // validate the ruleset by nft.Conn.Check instead of a rehearsal, which needs CAP_SYS_ADMIN
	Strict      bool              // refuse a plan file if any process has changed the ruleset since, also tables that lvsmark does not use
	Drain       time.Duration     // maximum time for connections of removed real servers to end; 0: do not wait
	NoLoss      bool              // refuse to delete objects, added by hand to lvsmark's tables, that a rollback could not restore
	FailOn      impact.Effect     // refuse changes with this effect on live traffic or a worse one; empty: none
	LockOwner   string            // text in the lock that other processes report: "apply"; at most 60 bytes
	LockToken   *LockToken        // lock that the caller holds; nil: take the lock
	Unmarked    []string          // tables that are lvsmark's although they lack its comment, as Plan.Unmarked returns them
	Progress    func(step string) // called at the start of each step; may be nil
}

// PlanSpec compares the spec with the kernel. It changes nothing outside a scratch
// network namespace.
func PlanSpec(ctx context.Context, source Source, opts Options) (*Plan, error) {
	return reading(source, func() (*Plan, error) {
		if err := opts.checkPrivileges(); err != nil {
			return nil, err
		}
		return planning(ctx, opts, func(e *engine) (*Plan, error) { return e.planSpec(ctx, source) })
	})
}

// PlanRemoval plans to remove everything that Apply made. It needs no spec: the ledger in
// the kernel records it.
func PlanRemoval(ctx context.Context, opts Options) (*Plan, error) {
	return planning(ctx, opts, func(e *engine) (*Plan, error) { return e.planRemoval(ctx) })
}

// Apply carries out the plan. If the kernel has changed since the plan was made, it plans
// again. It returns the plan that it carried out. If a step fails, it undoes the steps
// before it and returns a *RollbackError. If there is no change, it writes nothing to the
// kernel. It returns a *nft.LockedError if another lvsmark holds the lock.
func Apply(ctx context.Context, p *Plan) (*Plan, error) {
	return inKernel(p.opts, func(e *engine) (*Plan, error) { return e.apply(ctx, p) })
}

// planning calls f with an engine.
func planning(ctx context.Context, opts Options, f func(*engine) (*Plan, error)) (*Plan, error) {
	p, err := inKernel(opts, f)
	return p, unchanged(ctx, err)
}

// unchanged returns the error of planning. If the context ended it, the error has the
// cause, and that nothing was changed.
func unchanged(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && errors.Is(err, ended) {
		return fmt.Errorf("%w; nothing was changed", context.Cause(ctx))
	}
	return err
}

// checkPrivileges returns an error if the process lacks a capability for the plan of a spec.
func (o Options) checkPrivileges() error {
	if o.Unrehearsed {
		return privilege.Check(privilege.NetAdmin())
	}
	return privilege.Check(privilege.NetAdmin(), privilege.SysAdmin())
}

// An engine plans and applies in the kernel of one network namespace.
type engine struct {
	kernel
	clock    clock
	opts     Options
	progress func(string)
	release  func() error // releases the lock; nil: not taken, or held by the caller

	announced announcer
	lost      []nft.LostObject // objects added by hand that the rollback to a checkpoint could not restore
}

func newEngine(k kernel, c clock, opts Options) *engine {
	e := &engine{kernel: k, clock: c, opts: opts, progress: opts.Progress}
	if e.progress == nil {
		e.progress = func(string) {}
	}
	e.Adopt(tableNames(opts.Unmarked)...)
	return e
}

func (e *engine) close() {
	e.Close()
	if e.release != nil {
		_ = e.release()
	}
}

// inKernel calls f with an engine, on a thread in the network namespace.
func inKernel[T any](opts Options, f func(*engine) (T, error)) (result T, err error) {
	if err := privilege.Check(privilege.NetAdmin()); err != nil {
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

// planSpec compares the kernel with the spec. It reads the ruleset while the spec is read,
// and again if another process changes it before the rehearsal is complete.
func (e *engine) planSpec(ctx context.Context, source Source) (*Plan, error) {
	rehearsal := e.validate(source)
	ruleset, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	spec, err := source()
	if err != nil {
		return nil, err
	}
	if spec.Director.Bind || spec.TranslatesClients() { // the module has the sysctl of source-nat
		if err := e.OpenIPVS(); err != nil {
			return nil, err
		}
	}
	warnings := e.warnings(spec)
	e.progress("validate the ruleset")
	r, err := rehearsal(ctx)
	if err != nil {
		return nil, err
	}
	if ruleset, err = e.readAgain(ruleset); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, cmp.Or(checkForeignTables(ruleset, r.compiled), r.err)
	}
	want := desired(spec, r.rehearsed, e.opts.Adopt)
	want.notes = r.notes
	if ruleset, err = e.adoptTables(ruleset, want); err != nil {
		return nil, err
	}
	return e.compare(ctx, ruleset, want, warnings)
}

// planState compares the kernel with a desired state that needs no rehearsal.
func (e *engine) planState(ctx context.Context, want *Desired) (*Plan, error) {
	ruleset, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	return e.compare(ctx, ruleset, want, e.warnings(want.spec))
}

// planAgain makes the plan again, for the current state of the kernel.
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

// A rehearsal is the result of a commit in a scratch network namespace.
type rehearsal struct {
	compiled, rehearsed *nft.Ruleset
	notes               []string
	err                 error
}

// noSocketNote is the note of a ruleset that lacks the rule for answers.
const noSocketNote = "the kernel has no module nft_socket: if a program of the director connects from a VIP, and its local port is one of the cluster, IPVS sends the answers to a real server"

// validated validates the compiled ruleset. If the kernel lacks an expression of the rule
// for answers, the result is a ruleset without that rule, as FTP does not need it. A second
// refusal tells a missing expression from an error of one call.
func validated(spec *config.Spec, validate func(*nft.Ruleset) (*nft.Ruleset, error)) rehearsal {
	r := rehearsal{compiled: nft.Compile(spec)}
	for range 2 {
		r.rehearsed, r.err = validate(r.compiled)
		if !errors.Is(r.err, unix.ENOENT) {
			return r
		}
	}
	if reduced, err := validate(r.compiled.WithoutAnswerRules()); err == nil {
		r.rehearsed, r.notes, r.err = reduced, []string{noSocketNote}, nil
	}
	return r
}

// validate returns a function that waits for a rehearsal of the spec, which must have no
// mistakes. Without a rehearsal, that function checks the compiled ruleset instead, on this
// thread.
func (e *engine) validate(source Source) func(context.Context) (rehearsal, error) {
	if !e.opts.Unrehearsed {
		return e.rehearse(source).await
	}
	return func(context.Context) (rehearsal, error) {
		spec, err := source()
		if err != nil {
			return rehearsal{}, err
		}
		return validated(spec, func(r *nft.Ruleset) (*nft.Ruleset, error) { return r, e.Check(r) }), nil
	}
}

// rehearsals yields one rehearsal, or none if the spec has mistakes.
type rehearsals <-chan rehearsal

// rehearse starts a rehearsal in a goroutine, while the kernel is read.
func (e *engine) rehearse(source Source) rehearsals {
	done := make(chan rehearsal, 1)
	go func() {
		spec, err := source()
		if err != nil {
			return
		}
		done <- validated(spec, e.Rehearse)
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

// compare reads the rest of the state and compares it with the desired state.
func (e *engine) compare(ctx context.Context, ruleset *nft.Snapshot, want *Desired, warnings []string) (*Plan, error) {
	have, err := e.observe(ctx, ruleset, want.scope)
	if err != nil {
		return nil, err
	}
	p, err := diff(have, want)
	if err != nil {
		return nil, err
	}
	p.opts, p.warnings = e.opts, slices.Concat(warnings, p.warnings)
	for _, err := range p.blocked {
		p.warnings = append(p.warnings, printable.Line("apply would fail: "+err.Error()))
	}
	e.checkRestorable(p)
	p.notes = append(p.notes, want.notes...)
	p.count(e.kernel)
	return p, nil
}

// A clock is the functions of package time that the engine uses.
type clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

type systemClock struct{}

var _ clock = systemClock{}

func (systemClock) Now() time.Time                         { return time.Now() }
func (systemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// A Source returns the spec, or its mistakes. Several goroutines call it while the kernel
// is read, so it must return the same result each time, as sync.OnceValues does. A Source
// that can block, for example on a pipe, must return when the context of the plan ends.
type Source func() (*config.Spec, error)

// Known returns the Source of a spec in memory.
func Known(spec *config.Spec) Source {
	return func() (*config.Spec, error) { return spec, nil }
}

// reading calls f, which calls the source, and the source at the same time. Mistakes of
// the spec take precedence over errors of f.
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
