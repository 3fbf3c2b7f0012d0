package nft

import (
	"errors"
	"fmt"
	"maps"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// Rehearse commits the ruleset in a network namespace of its own, which nobody
// sees and which is gone afterwards, and returns what the kernel made of it: the
// form in which a Snapshot of the same ruleset comes. It finds all that the
// kernel would refuse. Of many elements that are alike, one stands for all; see
// sampled. It needs CAP_SYS_ADMIN and CAP_NET_ADMIN.
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
		ruleset, err := rehearseSample(r)
		done <- result{ruleset, err}
	}()
	got := <-done
	return got.ruleset, got.err
}

func rehearseSample(r *Ruleset) (*Ruleset, error) {
	sample := r.sampled()
	list, err := rehearseInNewNamespace(sample, r.elementBytes())
	if err != nil {
		return nil, err
	}
	if whole, ok := list.withAllElements(r, sample); ok {
		return whole, nil
	}
	return rehearseInNewNamespace(r, 0)
}

// rehearseInNewNamespace turns the thread to a new namespace and commits the ruleset there,
// with room for so many bytes besides.
func rehearseInNewNamespace(r *Ruleset, room int) (*Ruleset, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("scratch network namespace: %w (CAP_SYS_ADMIN is needed)", err)
	}
	conn, err := Dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.nl.Reserve(room); err != nil {
		return nil, fmt.Errorf("rehearsal: %w", err)
	}
	if err := explainOldKernel(conn.transact(append(ownerFlagCheck(), createAll(r)...), 0)); errors.Is(err, ErrOldKernel) {
		return nil, err
	} else if err != nil {
		return nil, fmt.Errorf("rehearsal: %w", err)
	}
	s, err := conn.Snapshot()
	if err != nil {
		return nil, fmt.Errorf("rehearsal: %w", err)
	}
	return &s.Ruleset, r.verifyListed(&s.Ruleset)
}

// elementBytes is how many bytes the elements take in a transaction.
func (r *Ruleset) elementBytes() int {
	size := 0
	for _, t := range r.Tables {
		for _, s := range t.Sets {
			for _, e := range s.Elements {
				size += netlink.AttributeHeaderLen + len(e.Key) + len(e.Rest)
			}
		}
	}
	return size
}

// verifyListed fails when the kernel lists fewer or more objects than it was given: a
// part of its answer that was lost would become a part of the plan.
func (r *Ruleset) verifyListed(list *Ruleset) error {
	for _, t := range r.Tables {
		listed := list.Table(t.Family, t.Name)
		if listed == nil {
			return fmt.Errorf("rehearsal: the kernel does not list %s", t)
		}
		if given, got := t.objectCounts(), listed.objectCounts(); !maps.Equal(given, got) {
			return fmt.Errorf("rehearsal: the kernel lists other objects of %s than it was given: %v, not %v", t, got, given)
		}
	}
	return nil
}

// objectCounts counts the elements of each set, and the rules of each chain.
func (t *Table) objectCounts() map[string]int {
	census := make(map[string]int, len(t.Sets)+len(t.Chains))
	for _, s := range t.Sets {
		census[t.setName(s)] = len(s.Elements)
	}
	for _, c := range t.Chains {
		census[t.chainName(c)] = len(c.Rules)
	}
	return census
}
