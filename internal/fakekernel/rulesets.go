package fakekernel

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/nft"
)

// Generation is as of nft.Conn.
func (k *Kernel) Generation() (uint32, error) { return k.generation, nil }

// Snapshot is as of nft.Conn.
func (k *Kernel) Snapshot() (*nft.Snapshot, error) {
	s := &nft.Snapshot{
		Ruleset:    nft.Ruleset{Tables: slices.Clone(k.tables)},
		Generation: k.generation,
		Foreign:    slices.Clone(k.foreign),
	}
	if k.lock != "" {
		s.Locked = &nft.LockedError{LockOwner: k.lock}
	}
	return s, nil
}

// Rehearse returns the ruleset as it is.
func (k *Kernel) Rehearse(r *nft.Ruleset) (*nft.Ruleset, error) { return r, nil }

// Commit is as of nft.Conn. All is one transaction.
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

// CommitLocked is as of nft.Conn.
func (k *Kernel) CommitLocked(d *nft.Difference, generation uint32) (uint32, error) {
	from, _ := d.Rulesets()
	if nft.Compare(&nft.Ruleset{Tables: k.tables}, from).Empty() {
		generation = k.generation // other processes may have changed their own tables
	}
	return k.Commit(d, generation)
}

// Restore is as of nft.Conn.
func (k *Kernel) Restore(r *nft.Ruleset) error {
	return k.change("restore", func() error {
		k.SetTables(r)
		return nil
	})
}

// SetTables gives lvsmark the tables of the ruleset.
func (k *Kernel) SetTables(r *nft.Ruleset) {
	k.tables = r.Tables
	k.generation++
}

// AddForeign adds a table of another program.
func (k *Kernel) AddForeign(t nft.TableName) {
	k.foreign = append(k.foreign, t)
	k.generation++
}

// Acquire is as of nft.Acquire.
func (k *Kernel) Acquire(owner string, generation uint32) (release func() error, after uint32, err error) {
	taken := false
	err = k.change("lock", func() error {
		switch {
		case k.lock != "":
			return &nft.LockedError{LockOwner: k.lock}
		case generation != 0 && generation != k.generation:
			return nft.ErrStale
		}
		k.lock, taken = owner, true
		k.generation++
		return nil
	})
	if err != nil {
		if taken {
			_ = k.unlock() // the end of the connection does that
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

// LockOwner is as of nft.Conn.
func (k *Kernel) LockOwner() (owner string, found bool, err error) {
	return k.lock, k.lock != "", nil
}
