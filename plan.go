package lvsmark

import (
	"context"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A plan is the difference between the kernel and what it is to be, part by
// part.
//
// nftables goes through up to four forms, each a whole ruleset: live, as found;
// intent, where the ledger says already what is about to be made; active, where
// the rules are those of the spec; settled, where the ledger no longer says
// what was taken back. So whenever lvsmark is killed, the ledger tells the next
// apply all that it made.
type plan struct {
	spec                    *config.Spec // nil: nothing is wanted
	state                   *State
	desired                 *Desired
	live                    *nft.Snapshot // that of the state
	intent, active, settled *nft.Ruleset

	have, want []ipvs.VirtualService // lvsmark's, or about to be; as found, and as they are to be
	services   []ipvs.Change
	settings   settingsPlan
	addresses  addressPlan
	notes      []string
	warnings   []string

	connections impact.Connections // that the changes may cut
	list        []Change           // see changes; nil: not listed yet
}

// plan compares the kernel with the spec. The ruleset is read before the spec is
// there, and again if somebody has changed it by the time the rest is.
func (e *engine) plan(ctx context.Context, source Source) (*plan, error) {
	rehearsal := e.rehearse(source)
	ruleset, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	spec, err := source.await(ctx)
	if err != nil {
		return nil, err
	}
	if spec.Director.Bind {
		if err := e.OpenIPVS(); err != nil {
			return nil, err
		}
	}
	e.progress("look at other tables")
	warnings := e.Warnings(spec)
	e.progress("rehearse")
	r, err := rehearsal.await(ctx)
	if err != nil {
		return nil, err
	}
	if ruleset, err = e.readAgain(ruleset); err != nil {
		return nil, err
	}
	if err := checkForeignTables(ruleset, r.compiled); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, r.err
	}
	p, err := e.compare(ctx, ruleset, desired(spec, r.rehearsed, e.opts.Adopt))
	if err != nil {
		return nil, err
	}
	p.warnings = warnings
	return p, nil
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

// planTo compares the kernel with a desired state that needs no rehearsal.
func (e *engine) planTo(ctx context.Context, want *Desired) (*plan, error) {
	ruleset, err := e.Snapshot()
	if err != nil {
		return nil, err
	}
	return e.compare(ctx, ruleset, want)
}

// compare reads the rest of the state, and finds what turns it into the desired
// one.
func (e *engine) compare(ctx context.Context, ruleset *nft.Snapshot, want *Desired) (*plan, error) {
	scope := want.scope(ruleset.Ledger())
	scope.digest = e.digest
	have, err := e.observe(ctx, ruleset, scope)
	if err != nil {
		return nil, err
	}
	p, err := diff(have, want)
	if err != nil {
		return nil, err
	}
	p.connections = e.kernel
	return p, nil
}

// cuts reports whether anything is taken away that connections may hang off.
func (p *plan) cuts() bool { return slices.ContainsFunc(p.services, ipvs.Change.Disrupts) }

func (p *plan) result() *Result {
	return &Result{Changes: p.changes(), Notes: p.notes, Warnings: p.warnings}
}

// changes lists the plan in the order of apply. It is worked out once: connections
// are counted for it, and there may be many changes.
func (p *plan) changes() []Change {
	if p.list != nil {
		return p.list
	}
	ruleset := nft.Compare(&p.live.Ruleset, p.settled).Changes()
	impacts := impact.Analyze(p.impactInput(ruleset))
	makes, breaks := p.splitServices()
	p.list = joined(
		settingChanges(p.settings.set, impacts.Settings),
		removedAddresses(p.addresses.gone, impacts.Removed),
		serviceChanges(makes, impacts.Services),
		rulesetChanges(ruleset, impacts.Ruleset),
		addedAddresses(p.addresses.come),
		serviceChanges(breaks, impacts.Services[len(makes):]),
		settingChanges(p.settings.putBack, impacts.Settings[len(p.settings.set):]),
	)
	return p.list
}

// impactInput is the plan for an analysis of its impact. The changes of the ruleset
// are those from live to settled.
func (p *plan) impactInput(ruleset []nft.Change) impact.Input {
	in := impact.Input{
		Spec:      p.spec,
		Before:    impact.State{Ruleset: &p.live.Ruleset, Services: p.have},
		After:     impact.State{Ruleset: p.settled, Services: p.want},
		Addresses: p.addresses.there,
		Changes: impact.Changes{
			Services: p.services, Ruleset: ruleset, Added: p.addresses.come, Removed: p.addresses.gone,
		},
		Connections: p.connections,
	}
	for _, s := range slices.Concat(p.settings.set, p.settings.putBack) {
		in.Changes.Settings = append(in.Changes.Settings, impact.SettingChange{Name: s.name, Before: s.before, After: s.after})
	}
	return in
}

// joined is slices.Concat without a copy where only one list holds anything.
func joined(lists ...[]Change) []Change {
	lists = slices.DeleteFunc(lists, func(list []Change) bool { return len(list) == 0 })
	if len(lists) == 1 {
		return lists[0]
	}
	return slices.Concat(lists...)
}
