package lvsmark

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// memoryOperation adds names to a set. The name lost is added, but returns an error; the
// name stuck cannot be undone.
func memoryOperation(have map[string]bool, refused error) operation[string] {
	return operation[string]{
		do: each(func(name string) error {
			if name == "refused" {
				return refused
			}
			have[name] = true
			if name == "lost" {
				return unix.ENOBUFS
			}
			return nil
		}),
		undo: func(name string) error {
			if name == "stuck" {
				return unix.EBUSY
			}
			if !have[name] {
				return unix.ENOENT
			}
			delete(have, name)
			return nil
		},
		done:    func(name string) (bool, error) { return have[name], nil },
		name:    func(name string) string { return name },
		foreign: func(name string) bool { return name == "refused" },
	}
}

// TestDoubtfulItemsUndone has an item fail with errors that leave open whether it was
// done.
func TestDoubtfulItemsUndone(t *testing.T) {
	for name, c := range map[string]struct {
		had   []string
		items []string
		left  map[string]bool
		words string
	}{
		"only the answer was lost":      {items: []string{"a", "lost", "b"}, left: map[string]bool{}, words: "no buffer space available; undone: items, ledger"},
		"not done at all":               {items: []string{"a", "refused"}, left: map[string]bool{}, words: "file exists; undone: items, ledger"},
		"another process did it before": {had: []string{"refused"}, items: []string{"a", "refused"}, left: map[string]bool{"refused": true}, words: "file exists; undone: items, ledger"},
		"nothing was done":              {items: []string{"refused"}, left: map[string]bool{}, words: "file exists; undone: ledger"},
		"another process did all":       {had: []string{"refused"}, items: []string{"refused"}, left: map[string]bool{"refused": true}, words: "file exists; undone: ledger"},
		"one cannot be undone": {
			items: []string{"a", "stuck", "lost"}, left: map[string]bool{"stuck": true},
			words: "no buffer space available; NOT all could be undone: items: stuck: device or resource busy\nledger: left done, because later steps may need it: table ip lvsmark\nfix the cause, then apply or delete again: it continues from this state",
		},
	} {
		t.Run(name, func(t *testing.T) {
			have := map[string]bool{}
			for _, name := range c.had {
				have[name] = true
			}
			there := false
			ledger := step{name: "ledger", do: func() error { there = true; return nil }, undo: func() (undoing, error) { there = false; return undoing{true, nil}, nil }, objects: func() []string { return []string{"table ip lvsmark"} }}
			err := run(t.Context(), []step{ledger, eachStep("items", c.items, memoryOperation(have, unix.EEXIST))}, func(string) {})
			assert.EqualError(t, err, "items: "+c.words)
			assert.Equal(t, c.left, have)
			assert.Equal(t, c.left["stuck"], there, "the step before stays only for what could not be undone")
		})
	}
}

// TestUndoneByOthers has another process undo an item first.
func TestUndoneByOthers(t *testing.T) {
	have := map[string]bool{}
	s := eachStep("items", []string{"a", "b"}, memoryOperation(have, nil))
	assert.NoError(t, s.do())
	delete(have, "b")
	assert.NoError(t, undoOf(s))
	assert.Empty(t, have)
}

// TestUndoneWithoutParent: the parent of an item no longer exists, so that the item cannot
// be restored. The other items are undone.
func TestUndoneWithoutParent(t *testing.T) {
	have := map[string]bool{}
	d := memoryOperation(have, nil)
	one := d.undo
	d.undo = func(name string) error {
		if name == "b" {
			return unix.ESRCH
		}
		return one(name)
	}
	s := eachStep("items", []string{"a", "b"}, d)
	assert.NoError(t, s.do())
	assert.ErrorIs(t, undoOf(s), unix.ESRCH, "without moot")

	clear(have)
	d.moot = func(err error) bool { return errors.Is(err, unix.ESRCH) }
	s = eachStep("items", []string{"a", "b"}, d)
	assert.NoError(t, s.do())
	assert.NoError(t, undoOf(s))
	assert.Equal(t, map[string]bool{"b": true}, have)
}

// TestDoubtfulUnreadable: it cannot be read whether a failed item was done.
func TestDoubtfulUnreadable(t *testing.T) {
	d := memoryOperation(map[string]bool{}, nil)
	d.done = func(string) (bool, error) { return false, unix.EIO }
	s := eachStep("items", []string{"lost"}, d)
	assert.ErrorIs(t, s.do(), unix.ENOBUFS)
	err := undoOf(s)
	assert.ErrorContains(t, err, "lost: it is unknown whether this was done")
	assert.True(t, errors.Is(err, unix.EIO))
}

// TestBatchAfterFailure: a batch continues after a failure. All items that were done are
// undone; a refused item belongs to another program and stays.
func TestBatchAfterFailure(t *testing.T) {
	have := map[string]bool{"refused": true}
	d := memoryOperation(have, unix.EEXIST)
	one := d.do
	d.do = func(items []string) (answers []error) {
		for _, item := range items[:4] {
			answers = append(answers, one([]string{item})...)
		}
		return answers
	}
	s := eachStep("items", []string{"a", "refused", "b", "lost", "not begun"}, d)
	assert.ErrorIs(t, s.do(), unix.EEXIST, "the first failure")
	assert.Equal(t, map[string]bool{"a": true, "refused": true, "b": true, "lost": true}, have)
	assert.NoError(t, undoOf(s))
	assert.Equal(t, map[string]bool{"refused": true}, have)
}

// TestManyLeftDone: the message about many items left done is truncated.
func TestManyLeftDone(t *testing.T) {
	have, many := map[string]bool{}, make([]string, 1000)
	for i := range many {
		many[i] = fmt.Sprintf("<%d>", i)
	}
	err := run(t.Context(), []step{
		eachStep("many", many, memoryOperation(have, nil)),
		eachStep("items", []string{"stuck", "lost"}, memoryOperation(have, nil)),
	}, func(string) {})
	assert.ErrorContains(t, err, "many: left done, because later steps may need it: <0>, <1>, ")
	assert.ErrorContains(t, err, ", <49>, and 950 more")
	assert.NotContains(t, err.Error(), "<50>")
	assert.Len(t, have, 1001)
}

func undoOf(s step) error {
	_, err := s.undo()
	return err
}
