package lvsmark

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/ipvs"
)

// A deed is what a step does to each of several items.
type deed[T any] struct {
	do, undo func(T) error
	done     func(T) (bool, error) // whether the kernel holds what do makes
	name     func(T) string
	foreign  func(T) bool // what the kernel holds may be somebody else's if do fails with EEXIST; nil: it never is
}

// inverse does what the deed undoes.
func (d deed[T]) inverse() deed[T] {
	done := func(item T) (bool, error) {
		done, err := d.done(item)
		return !done, err
	}
	return deed[T]{do: d.undo, undo: d.do, done: done, name: d.name}
}

// eachStep does items one by one, and undoes those that were done in reverse.
// The zero step stands for no items.
func eachStep[T any](name string, items []T, d deed[T]) step {
	if len(items) == 0 {
		return step{}
	}
	var begun int
	var failure error // of the last one that was begun
	return step{
		name: name,
		do: func() error {
			for _, item := range items {
				begun++
				if failure = d.do(item); failure != nil {
					return failure
				}
			}
			return nil
		},
		undo: func() error {
			var left []error
			for i, item := range slices.Backward(items[:begun]) {
				var doubt error
				if i == begun-1 {
					doubt = failure
				}
				left = append(left, d.takeBack(item, doubt))
			}
			return errors.Join(left...)
		},
	}
}

// takeBack undoes the deed to one item, and is content when it is undone
// already. When the deed failed, the kernel may all the same have done it: only
// the answer was lost.
func (d deed[T]) takeBack(item T, failure error) error {
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
	if done, readErr := d.done(item); readErr == nil && !done {
		return nil
	}
	return fmt.Errorf("%s: %w", d.name(item), err)
}

func (k *kernel) serviceDeed() deed[ipvs.Change] {
	return deed[ipvs.Change]{
		do:   func(c ipvs.Change) error { return k.ipvs.Do(c) },
		undo: func(c ipvs.Change) error { return k.ipvs.Do(c.Inverse()) },
		done: func(c ipvs.Change) (bool, error) { return k.ipvs.Done(c) },
		name: ipvs.Change.String,
		// A server of a service of lvsmark's is lvsmark's.
		foreign: func(c ipvs.Change) bool { return c.Op == ipvs.AddService },
	}
}

func settingDeed() deed[settingChange] {
	return deed[settingChange]{
		do:   func(s settingChange) error { return ipvs.WriteSetting(s.name, s.after) },
		undo: func(s settingChange) error { return ipvs.WriteSetting(s.name, s.before) },
		done: func(s settingChange) (bool, error) {
			now, err := ipvs.ReadSetting(s.name)
			return ipvs.EqualValues(now, s.after), err
		},
		name: func(s settingChange) string { return s.name },
	}
}

// addressDeed adds addresses.
func addressDeed() deed[ipvs.Address] {
	return deed[ipvs.Address]{
		do:   ipvs.AddAddress,
		undo: ipvs.DelAddress,
		done: func(address ipvs.Address) (bool, error) {
			have, err := ipvs.ReadAddresses()
			return slices.ContainsFunc(have, func(a ipvs.LocalAddress) bool { return a.Address == address && a.Ours }), err
		},
		name: ipvs.Address.String,
	}
}
