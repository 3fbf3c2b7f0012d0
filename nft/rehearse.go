package nft

import (
	"fmt"
	"maps"
	"runtime"

	"golang.org/x/sys/unix"
)

// Rehearse commits the ruleset in a network namespace of its own, which nobody
// sees and which is gone afterwards, and returns what the kernel made of it: the
// form in which a Snapshot of the same ruleset comes. It finds all that the
// kernel would refuse. It needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
func Rehearse(r *Ruleset) (*Ruleset, error) {
	type result struct {
		ruleset *Ruleset
		err     error
	}
	done := make(chan result)
	go func() {
		// The thread is never unlocked: it ends with the goroutine, and the
		// namespace with the thread.
		runtime.LockOSThread()
		ruleset, err := rehearseHere(r)
		done <- result{ruleset, err}
	}()
	got := <-done
	return got.ruleset, got.err
}

func rehearseHere(r *Ruleset) (*Ruleset, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("scratch network namespace: %w (CAP_SYS_ADMIN is needed)", err)
	}
	conn, err := Dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.transact(createAll(r), 0); err != nil {
		return nil, fmt.Errorf("rehearsal: %w", err)
	}
	s, err := conn.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("rehearsal: %w", err)
	}
	return &s.Ruleset, r.listedBy(&s.Ruleset)
}

// listedBy fails when the kernel lists fewer or more objects than it was given: a
// part of its answer that was lost would become a part of the plan.
func (r *Ruleset) listedBy(list *Ruleset) error {
	for _, t := range r.Tables {
		listed := list.Table(t.Family, t.Name)
		if listed == nil {
			return fmt.Errorf("rehearsal: the kernel does not list %s", t)
		}
		if given, got := t.census(), listed.census(); !maps.Equal(given, got) {
			return fmt.Errorf("rehearsal: the kernel lists other objects of %s than it was given: %v, not %v", t, got, given)
		}
	}
	return nil
}

// census counts the elements of each set, and the rules of each chain.
func (t *Table) census() map[string]int {
	census := make(map[string]int, len(t.Sets)+len(t.Chains))
	for _, s := range t.Sets {
		census[t.setName(s)] = len(s.Elements)
	}
	for _, c := range t.Chains {
		census[t.chainName(c)] = len(c.Rules)
	}
	return census
}
