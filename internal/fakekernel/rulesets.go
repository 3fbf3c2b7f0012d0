package fakekernel

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/nft"
)

// Generation is like nft.Conn.Generation.
func (k *Kernel) Generation() (uint32, error) { return k.generation, nil }

// Snapshot is like nft.Conn.Snapshot.
func (k *Kernel) Snapshot() (*nft.Snapshot, error) {
	s := &nft.Snapshot{Ruleset: k.own(), Generation: k.generation, Foreign: slices.Clone(k.foreign)}
	for _, t := range k.tables {
		if s.Table(t.Family, t.Name) == nil {
			s.Foreign = append(s.Foreign, t.TableName())
		}
	}
	if k.lock != "" {
		s.Locked = &nft.LockedError{LockOwner: k.lock}
	}
	return s, nil
}

// own returns the tables with lvsmark's comment and the adopted ones.
func (k *Kernel) own() nft.Ruleset {
	return nft.Ruleset{Tables: slices.DeleteFunc(slices.Clone(k.tables), func(t *nft.Table) bool {
		return !t.Owned() && !slices.Contains(k.adopted, t.TableName())
	})}
}

// Adopt is like nft.Conn.Adopt.
func (k *Kernel) Adopt(tables ...nft.TableName) { k.adopted = tables }

// Unmarked is like nft.Conn.Unmarked.
func (k *Kernel) Unmarked() ([]*nft.Table, error) {
	return slices.DeleteFunc(slices.Clone(k.tables), func(t *nft.Table) bool { return t.Owned() || !t.HasOwnForm() }), nil
}

// Rehearse returns the ruleset unchanged.
func (k *Kernel) Rehearse(r *nft.Ruleset) (*nft.Ruleset, error) { return r, k.Check(r) }

// Check accepts any ruleset that needs no missing module.
func (k *Kernel) Check(r *nft.Ruleset) error {
	if k.NoSocket && !nft.Compare(r, r.WithoutAnswerRules()).Empty() {
		return fmt.Errorf("rehearsal: %w", unix.ENOENT)
	}
	return nil
}

// Commit is like nft.Conn.Commit, always with one transaction.
func (k *Kernel) Commit(d *nft.Difference, generation uint32) (uint32, error) {
	err := k.change("commit", func() error {
		if generation != k.generation {
			return fmt.Errorf("nftables transaction 1 of 1: %w", nft.ErrStale)
		}
		_, to := d.Rulesets()
		k.SetTables(to)
		return nil
	})
	if err != nil {
		return generation, err
	}
	return k.generation, nil
}

// CommitLocked is like nft.Conn.CommitLocked.
func (k *Kernel) CommitLocked(d *nft.Difference, generation uint32) (uint32, error) {
	from, _ := d.Rulesets()
	if own := k.own(); nft.Compare(&own, from).Empty() {
		generation = k.generation // other processes may have changed their own tables
	}
	return k.Commit(d, generation)
}

// Restore is like nft.Conn.Restore.
func (k *Kernel) Restore(r *nft.Ruleset) (nft.Restored, error) {
	changed := !nft.Compare(&nft.Ruleset{Tables: k.tables}, r).Empty()
	err := k.change("restore", func() error {
		k.SetTables(r)
		return nil
	})
	return nft.Restored{Changed: changed, Lost: k.Lost}, err
}

// Unrestorable is like nft.Unrestorable.
func (k *Kernel) Unrestorable(_, _ *nft.Ruleset) ([]nft.LostObject, error) {
	return k.Lost, nil
}

// SetTables replaces lvsmark's tables. Tables without its comment stay, unless adopted.
func (k *Kernel) SetTables(r *nft.Ruleset) {
	own := k.own()
	others := slices.DeleteFunc(slices.Clone(k.tables), func(t *nft.Table) bool { return own.Table(t.Family, t.Name) != nil })
	k.tables = slices.Concat(r.Tables, others)
	k.generation++
}

// AddForeign adds a table of another program.
func (k *Kernel) AddForeign(t nft.TableName) {
	k.foreign = append(k.foreign, t)
	k.generation++
}

// Acquire is like nft.Acquire.
func (k *Kernel) Acquire(owner string, generation uint32) (release func() error, after uint32, err error) {
	acquired := false
	err = k.change("lock", func() error {
		switch {
		case k.lock != "":
			return &nft.LockedError{LockOwner: k.lock}
		case generation != 0 && generation != k.generation:
			return nft.ErrStale
		}
		k.lock, acquired = owner, true
		k.generation++
		return nil
	})
	if err != nil {
		if acquired {
			_ = k.unlock() // as the kernel does when the connection is closed
		}
		return nil, 0, err
	}
	return k.unlock, k.generation, nil
}

func (k *Kernel) unlock() error {
	k.lock = ""
	k.generation++
	return nil
}

// LockOwner is like nft.Conn.LockOwner.
func (k *Kernel) LockOwner() (owner string, found bool, err error) {
	return k.lock, k.lock != "", nil
}
