package lvsmark

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A step is a part of apply. undo reverts do, even if do failed half way or did nothing.
type step struct {
	name    string
	do      func() error
	undo    func() (undoing, error)
	objects func() []string // names of the changed objects
	lost    func() []string // what undo cannot restore; nil: nothing
}

// An undoing is what the undo of a step did.
type undoing struct {
	changed bool             // something of the step was done, and is undone
	lost    []nft.LostObject // objects added by hand that could not be restored
}

// A RollbackError means that a step of apply failed, and the steps before it were rolled
// back as far as possible.
type RollbackError struct {
	Step   string   // the step that failed
	Err    error    // the cause
	Undone []string // steps that were undone, in this order
	Left   []error  // steps that could not be undone, and those that they depend on
	Lost   []string // real servers whose connections undo cannot restore

	Unrestored []nft.LostObject // objects added by hand to lvsmark's tables that undo could not restore
}

func (e *RollbackError) Error() string {
	text := fmt.Sprintf("%s: %v", e.Step, e.Err)
	switch {
	case len(e.Left) > 0:
		text += "; NOT all could be undone: " + errors.Join(e.Left...).Error()
	case len(e.Undone) > 0:
		text += "; undone: " + strings.Join(e.Undone, ", ")
	case len(e.Lost) == 0:
		text += "; nothing was changed"
	}
	if len(e.Lost) > 0 {
		text += "; what cannot be undone: connections of " + strings.Join(e.Lost, ", ")
	}
	if len(e.Unrestored) > 0 {
		text += "; " + unrestoredText(e.Unrestored)
	}
	if len(e.Left) > 0 {
		text += "\nfix the cause, then apply or delete again: it continues from this state"
	}
	return text
}

// Unwrap returns the cause and the errors of the rollback.
func (e *RollbackError) Unwrap() []error { return append([]error{e.Err}, e.Left...) }

// run does the steps in order. If one fails or the context ends, it undoes them in reverse.
func run(ctx context.Context, steps []step, progress func(string)) error {
	for i, s := range steps {
		err := context.Cause(ctx)
		if err == nil {
			progress(s.name)
			err = s.do()
		} else {
			i-- // s has not begun
		}
		if err != nil {
			return undo(steps[:i+1], &RollbackError{Step: s.name, Err: err})
		}
	}
	return nil
}

// undo undoes steps in reverse order, and stops at one that cannot be undone. The steps
// before that one are not undone, because a service must exist as long as packets have its
// mark, and the ledger must name everything that exists. The result is a state between two
// steps, from which the next apply continues.
func undo(done []step, failure *RollbackError) error {
	for i, s := range slices.Backward(done) {
		if s.lost != nil {
			failure.Lost = append(failure.Lost, s.lost()...)
		}
		result, err := s.undo()
		failure.Unrestored = append(failure.Unrestored, result.lost...)
		if err != nil {
			failure.Left = append(failure.Left, fmt.Errorf("%s: %w", s.name, err))
			failure.leave(done[:i])
			break
		}
		if s.name != failure.Step || result.changed {
			failure.Undone = append(failure.Undone, s.name)
		}
	}
	return failure
}

// leave records the steps that are not undone.
func (e *RollbackError) leave(done []step) {
	for _, s := range slices.Backward(done) {
		e.Left = append(e.Left, fmt.Errorf("%s: left done, because later steps may need it: %s", s.name, truncate(s.objects())))
	}
}

// maxListed bounds how many objects a message names.
const maxListed = 50

func truncate(names []string) string {
	if n := len(names) - maxListed; n > 0 {
		names = append(names[:maxListed:maxListed], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(names, ", ")
}

// steps returns the steps of apply, in order, for a ruleset of the generation. New
// services are created before packets get their marks, and old services are removed when
// packets no longer get their marks. A VIP is added after its service.
func (p *Plan) steps(e *engine, generation uint32) []step {
	ruleset := func(name string, from, to *nft.Ruleset) step {
		difference := nft.Compare(from, to)
		if difference.Empty() {
			return step{}
		}
		return step{
			name: name,
			do: func() (err error) {
				if p.isRollback() {
					return e.restoreCheckpoint(to)
				}
				generation, err = e.CommitLocked(difference, generation)
				return err
			},
			undo:    func() (undoing, error) { return e.undoRuleset(from, to) },
			objects: func() []string { return tables(from, to) },
		}
	}
	safe, disruptive := p.splitServices()
	sysctls, daemons := splitSettings(p.settings.set)
	removed, replaced := p.addresses.splitRemoved()
	steps := []step{
		ruleset("write the ledger", &p.live.Ruleset, p.intent),
		eachStep("set sysctls and timeouts", sysctls, e.settingOperation()),
		eachStep("remove VIP addresses", removed, e.removeAddress()),
		eachStep("add and edit IPVS services", safe, e.serviceOperation()),
		eachStep("start sync daemons", daemons, e.settingOperation()),
		ruleset("change the marks", p.intent, p.active),
		eachStep("change lifetimes of VIP addresses", p.addresses.lifetimes, e.changeLifetime()),
		eachStep("add VIP addresses", p.addresses.added, e.addAddress()),
		eachStep("remove replaced VIP addresses", replaced, e.removeAddress()),
		e.removeServices(disruptive),
		eachStep("put back sysctls and timeouts", p.settings.putBack, e.settingOperation()),
		ruleset("close the ledger", p.active, p.settled),
	}
	return slices.DeleteFunc(steps, func(s step) bool { return s.do == nil })
}

// isRollback reports whether the desired state is a checkpoint.
func (p *Plan) isRollback() bool { return p.desired != nil && p.desired.exact }

// restoreCheckpoint restores the ruleset without the objects that the kernel refuses, and
// records these.
func (e *engine) restoreCheckpoint(r *nft.Ruleset) error {
	restored, err := e.Restore(r)
	e.lost = restored.Lost
	return err
}

// undoRuleset restores the ruleset from after a change to another one.
func (e *engine) undoRuleset(from, to *nft.Ruleset) (undoing, error) {
	restored, err := e.Restore(from)
	if err != nil {
		err = fmt.Errorf("%s: %w", strings.Join(tables(from, to), ", "), err)
	}
	return undoing{restored.Changed, restored.Lost}, err
}

// unrestoredText describes objects that a rollback did not restore.
func unrestoredText(lost []nft.LostObject) string {
	names := make([]string, len(lost))
	for i, l := range lost {
		names[i] = l.String()
	}
	return "not restored: " + truncate(names)
}

// splitServices separates the changes that end connections, which ipvs.Diff returns last.
func (p *Plan) splitServices() (safe, disruptive []ipvs.Change) {
	for i, c := range p.services {
		if c.Disrupts() {
			return p.services[:i], p.services[i:]
		}
	}
	return p.services, nil
}

// removeServices returns the step that removes services and real servers. It records real
// servers whose connections undo cannot restore.
func (e *engine) removeServices(changes []ipvs.Change) step {
	operation := e.serviceOperation()
	var removed []string
	operation.do = func(list []ipvs.Change) []error {
		answers := e.ChangeServices(list...)
		for i, err := range answers {
			if err == nil && list[i].Op == ipvs.DelDestination {
				removed = append(removed, list[i].Object())
			}
		}
		return answers
	}
	s := eachStep("remove IPVS services", changes, operation)
	s.lost = func() []string { return removed }
	return s
}

// tables returns the names of the tables in the rulesets.
func tables(rulesets ...*nft.Ruleset) []string {
	var names []string
	for _, r := range rulesets {
		for _, t := range r.Tables {
			if !slices.Contains(names, t.String()) {
				names = append(names, t.String())
			}
		}
	}
	return names
}

// splitSettings separates the sync daemons, which diffSettings puts last: a daemon starts when
// the services of the connections exist.
func splitSettings(list []settingChange) (sysctls, daemons []settingChange) {
	i := slices.IndexFunc(list, func(s settingChange) bool { return config.IsSyncSetting(s.name) })
	if i < 0 {
		return list, nil
	}
	return list[:i], list[i:]
}

// sortSyncLast orders changes for splitSettings.
func sortSyncLast(list []settingChange) {
	slices.SortStableFunc(list, func(a, b settingChange) int {
		switch syncA, syncB := config.IsSyncSetting(a.name), config.IsSyncSetting(b.name); {
		case syncA == syncB:
			return 0
		case syncB:
			return -1
		}
		return 1
	})
}
