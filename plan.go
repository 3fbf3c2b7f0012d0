package lvsmark

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A Plan is the changes from the state of a kernel to a desired state. Only Apply carries
// it out, and does not modify it.
//
// Four complete rulesets follow each other: live, as found; intent, whose ledger already
// names what apply creates; active, with the desired rules; settled, whose ledger no
// longer names what apply removed. So the ledger names everything that lvsmark made, even
// if lvsmark is killed between two steps.
type Plan struct {
	opts    Options
	file    *fileCheck   // the plan file that the plan has to match; nil: none
	spec    *config.Spec // nil: none
	state   *State
	desired *Desired

	live                    *nft.Snapshot // that of the state
	intent, active, settled *nft.Ruleset

	have, want []ipvs.VirtualService // those of lvsmark, found and desired
	services   []ipvs.Change
	settings   settingsPlan
	addresses  addressPlan
	notes      []string
	warnings   []string

	changes func() []Change // see Changes
}

// Changes returns the changes in the order of Apply. It is empty if there is nothing to do.
func (p *Plan) Changes() []Change { return p.changes() }

// Notes name what differs and lvsmark does not change, for the operator.
func (p *Plan) Notes() []string { return p.notes }

// Warnings name rules of other programs that keep packets from their mark or from IPVS.
// Only the plan of a spec has warnings.
func (p *Plan) Warnings() []string { return p.warnings }

// String lists the changes and what they do to live traffic, a line each, then notes
// and warnings, and last what the changes do as a whole.
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

// WithLock returns a copy of the plan that is applied under a lock that is taken already.
func (p *Plan) WithLock(token LockToken) *Plan {
	locked := *p
	locked.opts.LockToken = &token
	return &locked
}

// mayCut reports whether there is anything of lvsmark that connections may depend on.
func (p *Plan) mayCut() bool {
	return len(p.live.Tables) > 0 || len(p.have) > 0 || len(p.addresses.removed) > 0
}

// removes reports whether the plan removes services or real servers.
func (p *Plan) removes() bool { return slices.ContainsFunc(p.services, ipvs.Change.Disrupts) }

// count makes the list of changes. The connections that changes cut are read from the
// kernel, so the list is made on this thread. If there can be no such connections,
// nothing is read, and the list is made on first use, on any thread.
func (p *Plan) count(connections impact.Connections) {
	if !p.mayCut() {
		p.changes = sync.OnceValue(func() []Change { return p.listChanges(noConnections{}) })
		return
	}
	list := p.listChanges(connections)
	p.changes = func() []Change { return list }
}

// noConnections is a kernel without IPVS connections.
type noConnections struct{}

var _ impact.Connections = noConnections{}

func (noConnections) UnderWay() iter.Seq2[ipvs.Connection, error] {
	return func(func(ipvs.Connection, error) bool) {}
}

func (noConnections) Translated(config.Family) ([]netip.AddrPort, error) { return nil, nil }

// listChanges lists the plan in the order of apply.
func (p *Plan) listChanges(connections impact.Connections) []Change {
	ruleset := nft.Compare(&p.live.Ruleset, p.settled).Changes()
	impacts := impact.Analyze(p.impactInput(ruleset, connections))
	safe, disruptive := p.splitServices()
	return joined(
		settingChanges(p.settings.set, impacts.Settings),
		removedAddresses(p.addresses.removed, impacts.Removed),
		serviceChanges(safe, impacts.Services),
		rulesetChanges(ruleset, impacts.Ruleset),
		addedAddresses(p.addresses.added),
		serviceChanges(disruptive, impacts.Services[len(safe):]),
		settingChanges(p.settings.putBack, impacts.Settings[len(p.settings.set):]),
	)
}

// impactInput is the input of the impact analysis. ruleset has the changes from live to
// settled.
func (p *Plan) impactInput(ruleset []nft.Change, connections impact.Connections) impact.Input {
	in := impact.Input{
		Spec:      p.spec,
		Before:    impact.State{Ruleset: &p.live.Ruleset, Services: p.have},
		After:     impact.State{Ruleset: p.settled, Services: p.want},
		Addresses: p.addresses.present,
		Changes: impact.Changes{
			Services: p.services, Ruleset: ruleset, Added: p.addresses.added, Removed: p.addresses.removed,
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

// An ImpactError refuses a plan whose changes have an effect on live traffic that the
// operator excludes.
type ImpactError struct {
	FailOn  impact.Effect
	Changes []Change // those with that effect, or a worse one
}

// Error has a line for each change, and a hint in the last line.
func (e *ImpactError) Error() string {
	lines := []string{fmt.Sprintf("refused by --fail-on %s, nothing was done: %s", e.FailOn, Sum(e.Changes))}
	for _, c := range e.Changes {
		lines = append(lines, fmt.Sprintf("%s: %s", c, c.Impact))
	}
	hint := "without --fail-on, apply does it all the same"
	if e.FailOn == impact.Cuts {
		hint = "with --drain 5m, apply lets the connections of real servers end first; " + hint
	}
	return strings.Join(append(lines, hint), "\n")
}

// Refused returns an *ImpactError if a change has the effect of Options.FailOn or a worse
// one.
func (p *Plan) Refused() error {
	failOn := p.opts.FailOn
	if failOn == "" {
		return nil
	}
	e := &ImpactError{FailOn: failOn}
	for _, c := range p.Changes() {
		if c.Impact.Effect.AtLeast(failOn) {
			e.Changes = append(e.Changes, c)
		}
	}
	if len(e.Changes) == 0 {
		return nil
	}
	return e
}
