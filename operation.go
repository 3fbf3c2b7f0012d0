package lvsmark

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/ipvs"
)

// An operation is the change that a step makes to each of its items.
type operation[T any] struct {
	do      func([]T) []error // returns an error or nil for each item, up to the last item or a failure
	undo    func(T) error
	done    func(T) (bool, error) // whether the kernel has the result of do
	name    func(T) string
	foreign func(T) bool     // whether an item that exists (EEXIST) may belong to another program; nil: never
	moot    func(error) bool // whether undo failed because another process deleted the parent of the item; nil: items have no parent
}

// each calls do for each item, and stops at a failure.
func each[T any](do func(T) error) func([]T) []error {
	return func(items []T) []error {
		var answers []error
		for _, item := range items {
			err := do(item)
			answers = append(answers, err)
			if err != nil {
				break
			}
		}
		return answers
	}
}

// eachStep returns the step that applies the operation to items, and undoes it in reverse
// order. If there are no items, it returns the zero step.
func eachStep[T any](name string, items []T, o operation[T]) step {
	if len(items) == 0 {
		return step{}
	}
	var answers []error
	return step{
		name: name,
		do: func() error {
			answers = o.do(items)
			return firstOf(answers)
		},
		undo: func() (result undoing, err error) {
			var left []error
			for i, failure := range slices.Backward(answers) {
				undone, err := o.undoItem(items[i], failure)
				result.changed = result.changed || undone
				left = append(left, err)
			}
			return result, errors.Join(left...)
		},
		objects: func() (names []string) {
			for _, item := range items {
				names = append(names, o.name(item))
			}
			return names
		},
	}
}

// firstOf returns the first error, or nil. Further errors usually follow from it.
func firstOf(answers []error) error {
	for _, err := range answers {
		if err != nil {
			return err
		}
	}
	return nil
}

// undoItem undoes the operation on one item. It returns true if the operation was done, and
// no error if the item is undone already.
// If the operation failed, the kernel may have done it nevertheless, if only the answer
// was lost.
func (o operation[T]) undoItem(item T, failure error) (undone bool, err error) {
	if failure != nil {
		done, err := o.done(item)
		switch {
		case err != nil:
			return false, fmt.Errorf("%s: it is unknown whether this was done: %w", o.name(item), err)
		case !done:
			return false, nil
		case errors.Is(failure, unix.EEXIST) && o.foreign != nil && o.foreign(item):
			return false, nil
		}
	}
	err = o.undo(item)
	if err == nil {
		return true, nil
	}
	if o.moot != nil && o.moot(err) {
		return true, nil
	}
	if done, readErr := o.done(item); readErr == nil && !done {
		return true, nil
	}
	return false, fmt.Errorf("%s: %w", o.name(item), err)
}

func (e *engine) serviceOperation() operation[ipvs.Change] {
	return operation[ipvs.Change]{
		do:   func(list []ipvs.Change) []error { return e.ChangeServices(list...) },
		undo: func(c ipvs.Change) error { return firstOf(e.ChangeServices(c.Inverse())) },
		done: func(c ipvs.Change) (bool, error) { return e.ServiceChanged(c) },
		name: ipvs.Change.String,
		// A real server of a service of lvsmark belongs to lvsmark.
		foreign: func(c ipvs.Change) bool { return c.Op == ipvs.AddService },
		// ESRCH: the real server has no service (net/netfilter/ipvs/ip_vs_ctl.c). Undo
		// restores a service before its real servers, so another process deleted it.
		moot: func(err error) bool { return errors.Is(err, unix.ESRCH) },
	}
}

// settingOperation sets a setting. A sync daemon is stopped and started: if it could not be
// started, undo starts it as it was.
func (e *engine) settingOperation() operation[settingChange] {
	return operation[settingChange]{
		do:   each(func(s settingChange) error { return e.WriteSetting(s.name, s.after) }),
		undo: func(s settingChange) error { return e.WriteSetting(s.name, s.before) },
		done: func(s settingChange) (bool, error) {
			now, err := e.ReadSetting(s.name)
			if config.IsSyncSetting(s.name) {
				return now != s.before, err
			}
			return sysctl.Equal(now, s.after), err
		},
		name: func(s settingChange) string { return s.name },
	}
}

// addAddress adds a VIP to a device and announces it. removeAddress is the inverse
// operation.
func (e *engine) addAddress() operation[hostaddr.Address] {
	return operation[hostaddr.Address]{
		do:   func(list []hostaddr.Address) []error { return e.addAndAnnounce(list...) },
		undo: func(a hostaddr.Address) error { return firstOf(e.DeleteAddresses(a)) },
		done: e.hasAddress,
		name: hostaddr.Address.String,
	}
}

func (e *engine) removeAddress() operation[hostaddr.Address] {
	missing := func(address hostaddr.Address) (bool, error) {
		has, err := e.hasAddress(address)
		return !has, err
	}
	return operation[hostaddr.Address]{
		do:   func(list []hostaddr.Address) []error { return e.DeleteAddresses(list...) },
		undo: func(a hostaddr.Address) error { return firstOf(e.addAndAnnounce(a)) },
		done: missing,
		name: hostaddr.Address.String,
	}
}

func (e *engine) hasAddress(address hostaddr.Address) (bool, error) {
	_, has, err := e.address(address)
	return has, err
}

// address returns an address that lvsmark added.
func (e *engine) address(address hostaddr.Address) (hostaddr.Local, bool, error) {
	have, err := e.Addresses()
	i := slices.IndexFunc(have, func(a hostaddr.Local) bool { return a.Address == address && a.Ours })
	if i < 0 {
		return hostaddr.Local{}, false, err
	}
	return have[i], true, err
}

func (e *engine) changeLifetime() operation[lifetimeChange] {
	return operation[lifetimeChange]{
		do:   each(func(c lifetimeChange) error { return e.SetAddressLifetime(c.Address, c.after) }),
		undo: func(c lifetimeChange) error { return e.SetAddressLifetime(c.Address, c.before) },
		done: func(c lifetimeChange) (bool, error) {
			now, has, err := e.address(c.Address)
			return has && (now.Lifetime == 0) == (c.after == 0), err
		},
		name: func(c lifetimeChange) string { return c.String() },
	}
}

// A VIP is announced when it is added, and announceRepeats more times at the end of apply,
// announceInterval apart, because hosts and switches may lose a frame.
const (
	announceRepeats  = 2
	announceInterval = 200 * time.Millisecond
)

// An announcer records the VIPs that an apply or its rollback has added.
type announcer struct {
	added    []hostaddr.Address
	failures []string
}

// addAndAnnounce is AddAddresses followed by an announcement of what was added. That an
// announcement fails is a warning.
func (e *engine) addAndAnnounce(list ...hostaddr.Address) []error {
	answers := e.AddAddresses(list...)
	var added []hostaddr.Address
	for i, err := range answers {
		if err == nil {
			added = append(added, list[i])
		}
	}
	e.announced.added = append(e.announced.added, added...)
	e.announce(added)
	return answers
}

func (e *engine) announce(list []hostaddr.Address) {
	if len(list) == 0 {
		return
	}
	for _, err := range e.AnnounceAddresses(list...) {
		if text := printable.Line(err.Error()); !slices.Contains(e.announced.failures, text) {
			e.announced.failures = append(e.announced.failures, text)
		}
	}
}

// repeatAnnouncements announces the added VIPs again, as far as they still exist. It stops
// when the context ends, or when an announcement has failed.
func (e *engine) repeatAnnouncements(ctx context.Context) {
	if len(e.announced.added) == 0 {
		return
	}
	e.progress("announce VIP addresses")
	defer func() { e.announced.added = nil }()
	for range announceRepeats {
		if ctx.Err() != nil || len(e.announced.failures) > 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-e.clock.After(announceInterval):
		}
		have, err := e.Addresses()
		if err != nil {
			return
		}
		e.announce(e.announced.stillIn(have))
	}
}

// stillIn returns the added VIPs that are in the list.
func (a *announcer) stillIn(have []hostaddr.Local) []hostaddr.Address {
	ours := make(map[hostaddr.Address]bool, len(have))
	for _, local := range have {
		ours[local.Address] = ours[local.Address] || local.Ours && !local.Tentative
	}
	return slices.DeleteFunc(slices.Clone(a.added), func(a hostaddr.Address) bool {
		announce := ours[a]
		ours[a] = false // another attempt may have added it too
		return !announce
	})
}

// explain adds the failed announcements to the error of an apply.
func (a *announcer) explain(err error) error {
	for _, failure := range a.failures {
		err = fmt.Errorf("%w\nwarning: %s", err, failure)
	}
	return err
}
