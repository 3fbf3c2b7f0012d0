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
	do      func([]T) []error // an answer for each item that was begun, in order; it ends with the items, or where one failed
	undo    func(T) error
	done    func(T) (bool, error) // whether the kernel holds what do makes
	name    func(T) string
	foreign func(T) bool     // what the kernel holds may be somebody else's if do fails with EEXIST; nil: it never is
	moot    func(error) bool // whether undo failed because another program deleted what holds the item; nil: nothing holds it
}

// each does items one after the other, up to one that fails.
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

// eachStep does items, and undoes those that were done in reverse. The zero step
// stands for no items.
func eachStep[T any](name string, items []T, d operation[T]) step {
	if len(items) == 0 {
		return step{}
	}
	var answers []error // of those that were begun
	return step{
		name: name,
		do: func() error {
			answers = d.do(items)
			return firstOf(answers)
		},
		undo: func() error {
			var left []error
			for i, failure := range slices.Backward(answers) {
				left = append(left, d.takeBack(items[i], failure))
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

// firstOf is the first error. Where several items failed, the others did so
// likewise, or because of it.
func firstOf(answers []error) error {
	for _, err := range answers {
		if err != nil {
			return err
		}
	}
	return nil
}

// takeBack undoes the operation to one item, and is content when it is undone
// already. When the operation failed, the kernel may all the same have done it: only
// the answer was lost.
func (d operation[T]) takeBack(item T, failure error) error {
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
		// A server of a service of lvsmark's is lvsmark's.
		foreign: func(c ipvs.Change) bool { return c.Op == ipvs.AddService },
		// Services are undone ahead of their real servers. So where there is none for a
		// real server (ESRCH of net/netfilter/ipvs/ip_vs_ctl.c), it was deleted since.
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

// addAddress is an operation, and removeAddress its opposite.
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
