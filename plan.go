package lvsmark

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/internal/status"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A Plan is the changes from the state of a kernel to a desired state. Apply carries it
// out and does not modify it.
//
// Apply passes through four complete rulesets: live, as found; intent, whose ledger already
// names what apply creates; active, with the desired rules; settled, whose ledger no
// longer names what apply removed. So the ledger names everything that lvsmark made, even
// if lvsmark is killed between two steps.
type Plan struct {
	opts    Options
	file    *fileCheck   // the plan file that the plan must match; nil: none
	spec    *config.Spec // nil: none
	state   *State
	desired *Desired

	live                    *nft.Snapshot // state.ruleset
	intent, active, settled *nft.Ruleset

	have, want []ipvs.VirtualService // services of lvsmark, found and desired
	services   []ipvs.Change
	settings   settingsPlan
	addresses  addressPlan
	blocked    []error // why apply would fail, as far as that is known
	notes      []string
	warnings   []string

	unrestorable []nft.LostObject // deleted objects that a rollback could not restore
	lost         []nft.LostObject // see Lost

	changes func() []Change // see Changes
}

// Changes returns the changes in the order of Apply. It is empty if there is nothing to do.
func (p *Plan) Changes() []Change { return p.changes() }

// Notes returns differences that lvsmark does not change, and objects that a rollback could
// not restore.
func (p *Plan) Notes() []string { return p.notes }

// Warnings describes rules of other programs that set the mark of packets or keep them
// from IPVS. Only the plan of a spec has warnings.
func (p *Plan) Warnings() []string { return p.warnings }

// String lists the changes with their impact, one per line, then notes and warnings, then
// the total impact.
func (p *Plan) String() string {
	var b strings.Builder
	for _, c := range p.Changes() {
		b.WriteString(c.String())
		if c.Impact.Effect != impact.Safe || c.Impact.Detail != "" {
			b.WriteString(" # " + c.Impact.String())
		}
		b.WriteByte('\n')
	}
	for _, note := range p.notes {
		b.WriteString("note: " + note + "\n")
	}
	for _, warning := range p.warnings {
		b.WriteString("warning: " + warning + "\n")
	}
	b.WriteString(cmp.Or(Sum(p.Changes()).String(), "no difference") + "\n")
	return b.String()
}

// WithLock returns a copy of the plan, to be applied under a lock that the caller holds.
func (p *Plan) WithLock(token LockToken) *Plan {
	locked := *p
	locked.opts.LockToken = &token
	return &locked
}

// mayCut reports whether lvsmark has objects that connections can depend on.
func (p *Plan) mayCut() bool {
	return len(p.live.Tables) > 0 || len(p.have) > 0 || len(p.addresses.removed) > 0
}

// removes reports whether the plan removes services or real servers.
func (p *Plan) removes() bool { return slices.ContainsFunc(p.services, ipvs.Change.Disrupts) }

// count lists the changes with their impact. If changes can cut connections, it reads
// these from the kernel, on this thread. Otherwise it reads nothing, and the list is made
// on first use, on any thread.
func (p *Plan) count(connections impact.Connections) {
	if !p.mayCut() {
		p.changes = sync.OnceValue(func() []Change { return p.listChanges(noConnections{}) })
		return
	}
	list := p.listChanges(connections)
	p.changes = func() []Change { return list }
}

// noConnections is the connections of a kernel without any.
type noConnections struct{}

var _ impact.Connections = noConnections{}

func (noConnections) UnderWay() iter.Seq2[ipvs.Connection, error] {
	return func(func(ipvs.Connection, error) bool) {}
}

func (noConnections) Translated(config.Family) ([]netip.AddrPort, error) { return nil, nil }

// listChanges lists the changes in the order of Apply.
func (p *Plan) listChanges(connections impact.Connections) []Change {
	ruleset := nft.Compare(&p.live.Ruleset, p.settled).Changes()
	impacts := impact.Analyze(p.impactInput(ruleset, connections))
	safe, disruptive := p.splitServices()
	sysctls, daemons := splitSettings(p.settings.set)
	return joined(
		settingChanges(sysctls, impacts.Settings),
		p.addresses.removedAddresses(impacts.Removed),
		serviceChanges(safe, impacts.Services),
		settingChanges(daemons, impacts.Settings[len(sysctls):]),
		rulesetChanges(ruleset, impacts.Ruleset),
		lifetimeChanges(p.addresses.lifetimes),
		p.addresses.addedAddresses(),
		serviceChanges(disruptive, impacts.Services[len(safe):]),
		settingChanges(p.settings.putBack, impacts.Settings[len(p.settings.set):]),
	)
}

// differences counts the changes by the part of the kernel that they are in.
func (p *Plan) differences() (d status.Differences) {
	for _, c := range p.Changes() {
		switch c.Kind {
		case "service", "real-server":
			d.Services++
		case "setting":
			d.Settings++
		case "address", "route":
			d.Addresses++
		default:
			d.Marks++
		}
	}
	return d
}

// syncFaults returns the sync daemons of the spec that run and do not work.
func (p *Plan) syncFaults() (faults []status.SyncFault) {
	for _, s := range p.settings.set {
		if s.fault != "" {
			faults = append(faults, status.SyncFault{Setting: s.name, Reason: s.fault})
		}
	}
	return faults
}

// impactInput returns the input of the impact analysis. ruleset is the changes from live
// to settled.
func (p *Plan) impactInput(ruleset []nft.Change, connections impact.Connections) impact.Input {
	_, replaced := p.addresses.splitRemoved()
	in := impact.Input{
		Spec:      p.spec,
		Before:    impact.State{Ruleset: &p.live.Ruleset, Services: p.have},
		After:     impact.State{Ruleset: p.settled, Services: p.want},
		Addresses: p.addresses.present,
		Changes: impact.Changes{
			Services: p.services, Ruleset: ruleset, Added: p.addresses.added, Removed: p.addresses.removed, Replaced: replaced,
		},
		Connections: connections,
	}
	for _, s := range slices.Concat(p.settings.set, p.settings.putBack) {
		in.Changes.Settings = append(in.Changes.Settings, impact.SettingChange{Name: s.name, Before: s.before, After: s.after})
	}
	return in
}

// joined is slices.Concat, without a copy if only one list has elements.
func joined(lists ...[]Change) []Change {
	lists = slices.DeleteFunc(lists, func(list []Change) bool { return len(list) == 0 })
	if len(lists) == 1 {
		return lists[0]
	}
	return slices.Concat(lists...)
}

// An ImpactError means that apply refuses a plan because of the effect of its changes on
// live traffic; see Options.FailOn.
type ImpactError struct {
	FailOn  impact.Effect
	Changes []Change // the changes with this effect or a worse one
}

// Error has a line for each change, and a hint in the last line.
func (e *ImpactError) Error() string {
	lines := []string{fmt.Sprintf("refused by --fail-on %s, nothing was done: %s", e.FailOn, Sum(e.Changes))}
	for _, c := range e.Changes {
		lines = append(lines, fmt.Sprintf("%s: %s", c, c.Impact))
	}
	hint := "without --fail-on, apply makes these changes"
	if e.FailOn == impact.Cuts && slices.ContainsFunc(e.Changes, Change.isDrained) {
		hint = "with --drain 5m, apply waits for connections of removed real servers to end; " + hint
	}
	return strings.Join(append(lines, hint), "\n")
}

// Lost returns what a restored checkpoint had and the kernel does not have again: objects
// added by hand to lvsmark's tables, and sysctls, VIPs and sync daemons of devices that no longer exist.
// The plan is one that Checkpoint.Restore returned.
func (p *Plan) Lost() []nft.LostObject { return p.lost }

// carriedOut returns a copy of the plan with more warnings and the lost objects, or the plan
// itself if there are none.
func (p *Plan) carriedOut(warnings []string, lost []nft.LostObject) *Plan {
	if len(warnings)+len(lost) == 0 {
		return p
	}
	done := *p
	done.warnings, done.lost = slices.Concat(p.warnings, warnings), slices.Concat(p.lost, lost)
	return &done
}

// Blocked returns why Apply would fail; nil: no reason is known beforehand. Apply returns the
// same error before it changes anything. The error has a line for each reason.
func (p *Plan) Blocked() error {
	if len(p.blocked) == 0 {
		return nil
	}
	return fmt.Errorf("%w\nnothing was changed", errors.Join(p.blocked...))
}

// Locked returns a *nft.LockedError if another lvsmark held the lock when the plan was made:
// it may still change what the plan compares, or roll it back.
func (p *Plan) Locked() error {
	if p.live.Locked == nil {
		return nil
	}
	return p.live.Locked
}

// Refused returns the error of Blocked, a *LossError if Options.NoLoss excludes the plan, or
// an *ImpactError if a change has the effect of Options.FailOn or a worse one.
func (p *Plan) Refused() error {
	if err := p.Blocked(); err != nil {
		return err
	}
	if p.opts.NoLoss && len(p.unrestorable) > 0 {
		return &LossError{p.unrestorable}
	}
	return p.impactError(func(Change) bool { return true })
}

// impactError returns an *ImpactError if a selected change has the effect of Options.FailOn or a
// worse one.
func (p *Plan) impactError(selected func(Change) bool) error {
	e := &ImpactError{FailOn: p.opts.FailOn}
	if e.FailOn == "" {
		return nil
	}
	for _, c := range p.Changes() {
		if selected(c) && c.Impact.Effect.AtLeast(e.FailOn) {
			e.Changes = append(e.Changes, c)
		}
	}
	if len(e.Changes) == 0 {
		return nil
	}
	return e
}

// A LossError means that apply refuses a plan because it deletes objects that a rollback
// could not restore; see Options.NoLoss.
type LossError struct {
	Objects []nft.LostObject
}

// Error has a line for each object, and a hint in the last line.
func (e *LossError) Error() string {
	lines := []string{fmt.Sprintf("refused by --confirm, nothing was done: a rollback could not restore %d of the objects that were added by hand to lvsmark's tables", len(e.Objects))}
	for _, o := range e.Objects {
		lines = append(lines, o.String())
	}
	return strings.Join(append(lines, "move them to a table of their own; with --allow-loss, apply deletes them"), "\n")
}

// checkRestorable adds a note for each object that the plan deletes and that a rollback could
// not restore. Such objects were added by hand to lvsmark's tables, so every plan deletes
// them.
func (e *engine) checkRestorable(p *Plan) {
	if p.isRollback() {
		return
	}
	lost, err := e.Unrestorable(&p.live.Ruleset, p.settled)
	p.unrestorable = lost
	for _, l := range lost {
		p.notes = append(p.notes, "a rollback could not restore "+l.String())
	}
	if err != nil {
		unknown := nft.LostObject{Name: "objects added by hand to lvsmark's tables", Err: err}
		p.unrestorable = append(p.unrestorable, unknown)
		p.notes = append(p.notes, "a rollback may not restore "+unknown.String())
	}
}
