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

// A Plan is what turns the state of a kernel into a desired one, part by part.
//
// nftables goes through up to four rulesets, each a whole one: live, as found;
// intent, where the ledger says already what is about to be made; active, where
// the rules are the desired ones; settled, where the ledger no longer says
// what was taken back. So whenever lvsmark is killed, the ledger tells the next
// apply all that it made.
type Plan struct {
	opts    Options
	file    *fileCheck   // what a plan file demands; nil: it is made of none
	spec    *config.Spec // nil: of none
	state   *State
	desired *Desired

	live                    *nft.Snapshot // that of the state
	intent, active, settled *nft.Ruleset

	have, want []ipvs.VirtualService // lvsmark's, or about to be; as found, and as they are to be
	services   []ipvs.Change
	settings   settingsPlan
	addresses  addressPlan
	notes      []string
	warnings   []string

	changes func() []Change // see Changes
}

// Changes are in the order of Apply; there are none where there is nothing to do.
func (p *Plan) Changes() []Change { return p.changes() }

// Notes are what the operator should know and lvsmark left alone.
func (p *Plan) Notes() []string { return p.notes }

// Warnings name what others do in the network namespace that keeps packets from
// their mark or from IPVS. Only the plan of a spec has them.
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

// WithLock returns the plan, for an Apply under a lock that the caller holds.
func (p *Plan) WithLock(token LockToken) *Plan {
	locked := *p
	locked.opts.LockToken = &token
	return &locked
}

// disturbs reports whether anything of lvsmark's is there that connections may hang
// off.
func (p *Plan) disturbs() bool {
	return len(p.live.Tables) > 0 || len(p.have) > 0 || len(p.addresses.gone) > 0
}

// cuts reports whether anything is taken away that connections may hang off.
func (p *Plan) cuts() bool { return slices.ContainsFunc(p.services, ipvs.Change.Disrupts) }

// count lists the changes. The connections that they cut are counted now, on this
// thread. Where there can be none the kernel is not asked, and the list is written
// when it is wanted, on any thread.
func (p *Plan) count(connections impact.Connections) {
	if !p.disturbs() {
		p.changes = sync.OnceValue(func() []Change { return p.listChanges(noConnections{}) })
		return
	}
	list := p.listChanges(connections)
	p.changes = func() []Change { return list }
}

// noConnections are those of a kernel that has nothing of lvsmark's.
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
	makes, breaks := p.splitServices()
	return joined(
		settingChanges(p.settings.set, impacts.Settings),
		removedAddresses(p.addresses.gone, impacts.Removed),
		serviceChanges(makes, impacts.Services),
		rulesetChanges(ruleset, impacts.Ruleset),
		addedAddresses(p.addresses.come),
		serviceChanges(breaks, impacts.Services[len(makes):]),
		settingChanges(p.settings.putBack, impacts.Settings[len(p.settings.set):]),
	)
}

// impactInput is the plan for an analysis of its impact. The changes of the ruleset
// are those from live to settled.
func (p *Plan) impactInput(ruleset []nft.Change, connections impact.Connections) impact.Input {
	in := impact.Input{
		Spec:      p.spec,
		Before:    impact.State{Ruleset: &p.live.Ruleset, Services: p.have},
		After:     impact.State{Ruleset: p.settled, Services: p.want},
		Addresses: p.addresses.there,
		Changes: impact.Changes{
			Services: p.services, Ruleset: ruleset, Added: p.addresses.come, Removed: p.addresses.gone,
		},
		Connections: connections,
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

// An ImpactError refuses changes that do to live traffic what the operator does
// not want.
type ImpactError struct {
	FailOn  impact.Effect
	Changes []Change // those that do it
}

// Error has a line for each change, and one for the way out.
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

// Refused returns an *ImpactError when one of the changes is at least as bad as
// what the operator does not want; see Options.FailOn.
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
