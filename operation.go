package lvsmark

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/ipvs"
)

// An operation is what a step does to each of several items.
type operation[T any] struct {
	do      func([]T) []error // returns an answer for each item in order, up to the last item or a failure
	undo    func(T) error
	done    func(T) (bool, error) // whether the kernel contains what do makes
	name    func(T) string
	foreign func(T) bool     // whether an item that exists (EEXIST) may belong to another program; nil: never
	moot    func(error) bool // whether undo failed because another process deleted the parent of the item; nil: it has no parent
}

// each calls do for one item after the other, and stops at a failure.
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

// eachStep is the step that does the operation to items. It undoes them in reverse order.
// It returns the zero step if there are no items.
func eachStep[T any](name string, items []T, d operation[T]) step {
	if len(items) == 0 {
		return step{}
	}
	var answers []error
	return step{
		name: name,
		do: func() error {
			answers = d.do(items)
			return firstOf(answers)
		},
		undo: func() error {
			var left []error
			for i, failure := range slices.Backward(answers) {
				left = append(left, d.undoItem(items[i], failure))
			}
			return errors.Join(left...)
		},
		objects: func() (names []string) {
			for _, item := range items {
				names = append(names, d.name(item))
			}
			return names
		},
	}
}

// firstOf returns the first error. The other errors have the same cause, or follow from
// it.
func firstOf(answers []error) error {
	for _, err := range answers {
		if err != nil {
			return err
		}
	}
	return nil
}

// undoItem undoes the operation to one item. It is no error if the item is undone
// already. If the operation failed, the kernel may still have done it, and only the answer
// was lost.
func (d operation[T]) undoItem(item T, failure error) error {
	if failure != nil {
		done, err := d.done(item)
		switch {
		case err != nil:
			return fmt.Errorf("%s: it cannot be told whether that was done: %w", d.name(item), err)
		case !done:
			return nil
		case errors.Is(failure, unix.EEXIST) && d.foreign != nil && d.foreign(item):
			return nil
		}
	}
	err := d.undo(item)
	if err == nil {
		return nil
	}
	if d.moot != nil && d.moot(err) {
		return nil
	}
	if done, readErr := d.done(item); readErr == nil && !done {
		return nil
	}
	return fmt.Errorf("%s: %w", d.name(item), err)
}

func (e *engine) serviceOperation() operation[ipvs.Change] {
	return operation[ipvs.Change]{
		do:   func(list []ipvs.Change) []error { return e.ChangeServices(list...) },
		undo: func(c ipvs.Change) error { return firstOf(e.ChangeServices(c.Inverse())) },
		done: func(c ipvs.Change) (bool, error) { return e.ServiceChanged(c) },
		name: ipvs.Change.String,
		// A real server of a service of lvsmark belongs to lvsmark.
		foreign: func(c ipvs.Change) bool { return c.Op == ipvs.AddService },
		// ESRCH: there is no service for the real server (net/netfilter/ipvs/ip_vs_ctl.c).
		// A deleted service is restored before its real servers, so another process has
		// deleted it.
		moot: func(err error) bool { return errors.Is(err, unix.ESRCH) },
	}
}

func (e *engine) settingOperation() operation[settingChange] {
	return operation[settingChange]{
		do:   each(func(s settingChange) error { return e.WriteSetting(s.name, s.after) }),
		undo: func(s settingChange) error { return e.WriteSetting(s.name, s.before) },
		done: func(s settingChange) (bool, error) {
			now, err := e.ReadSetting(s.name)
			return sysctl.Equal(now, s.after), err
		},
		name: func(s settingChange) string { return s.name },
	}
}

// addAddress adds a VIP to a device. removeAddress is the inverse operation.
func (e *engine) addAddress() operation[hostaddr.Address] {
	return operation[hostaddr.Address]{
		do:   func(list []hostaddr.Address) []error { return e.AddAddresses(list...) },
		undo: func(a hostaddr.Address) error { return firstOf(e.DeleteAddresses(a)) },
		done: e.hasAddress,
		name: hostaddr.Address.String,
	}
}

func (e *engine) removeAddress() operation[hostaddr.Address] {
	gone := func(address hostaddr.Address) (bool, error) {
		has, err := e.hasAddress(address)
		return !has, err
	}
	return operation[hostaddr.Address]{
		do:   func(list []hostaddr.Address) []error { return e.DeleteAddresses(list...) },
		undo: func(a hostaddr.Address) error { return firstOf(e.AddAddresses(a)) },
		done: gone,
		name: hostaddr.Address.String,
	}
}

func (e *engine) hasAddress(address hostaddr.Address) (bool, error) {
	have, err := e.Addresses()
	return slices.ContainsFunc(have, func(a hostaddr.Local) bool { return a.Address == address && a.Ours }), err
}
