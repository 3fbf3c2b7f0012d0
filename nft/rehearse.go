package nft

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/internal/thread"
)

// Rehearse commits the ruleset in a temporary network namespace and returns it as the kernel
// lists it there, in the form of a Snapshot. The kernel reports every error in the ruleset.
// Of elements with the same form it commits only one; see sampled. It needs CAP_SYS_ADMIN
// and CAP_NET_ADMIN.
func Rehearse(r *Ruleset) (*Ruleset, error) {
	return thread.Call(func() (*Ruleset, error) { return rehearseSample(r) })
}

func rehearseSample(r *Ruleset) (*Ruleset, error) {
	sample := r.sampled()
	list, err := rehearseInNewNamespace(sample, r.elementBytes())
	if err != nil {
		return nil, err
	}
	if complete, ok := list.withAllElements(r, sample); ok {
		return complete, nil
	}
	return rehearseInNewNamespace(r, 0)
}

// rehearseInNewNamespace moves the thread to a new network namespace and commits the ruleset
// there. It reserves a send buffer of at least that many bytes.
func rehearseInNewNamespace(r *Ruleset, bufferSize int) (*Ruleset, error) {
	conn, err := dialNewNamespace()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.nl.Reserve(bufferSize); err != nil {
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

// dialNewNamespace moves the thread to a new network namespace and opens a connection in it.
func dialNewNamespace() (*Conn, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("scratch network namespace: %w (CAP_SYS_ADMIN is needed)", err)
	}
	return Dial()
}

// Check has the kernel check the ruleset in the network namespace of the connection, as
// `nft -c` does, and changes nothing. It needs CAP_NET_ADMIN only. The kernel checks each
// object by itself. It does not check what Rehearse finds as well: whether chains form a
// loop, and whether rules fit the hooks of their chains. Of elements with the same form it
// checks only one.
//
// A ruleset that Check accepts is equal in Compare to what the kernel lists after a commit.
// Its rules have other bytes with the same meaning.
func (c *Conn) Check(r *Ruleset) error {
	messages := ownerFlagCheck()
	for _, t := range r.sampled().Tables {
		messages = append(messages, t.checkMessages()...)
	}
	if len(messages) == 0 {
		return nil
	}
	batch := encodeBatch(messages, 0)
	batch = batch[:len(batch)-1] // without its end, the kernel undoes the batch after the checks
	if err := c.nl.Reserve(netlink.Size(batch...)); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	err := explainOldKernel(c.commit(batch, messages))
	if err == nil || errors.Is(err, ErrOldKernel) {
		return err
	}
	return fmt.Errorf("check: %w", err)
}

// checkMessages creates the table under another name, because the kernel refuses one that
// exists, and without hooks: the kernel would register the hooks of base chains for a
// moment, and drop the packets in NFQUEUEs when it removes them.
func (t *Table) checkMessages() []message {
	copied := *t
	copied.Name = fmt.Sprintf("lvsmark-check-%d", os.Getpid())
	copied.Chains = make([]*Chain, len(t.Chains))
	for i, c := range t.Chains {
		copied.Chains[i] = &Chain{Name: c.Name, Comment: c.Comment, Rules: c.Rules}
	}
	messages, named := createTable(&copied), createTable(t)
	for i := range messages {
		messages[i].object = named[i].object
	}
	return messages
}

// elementBytes returns the length in bytes of all elements in a transaction.
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

// verifyListed returns an error if the kernel lists fewer or more objects than were created:
// objects lost in its answer would become a part of the plan.
func (r *Ruleset) verifyListed(list *Ruleset) error {
	for _, t := range r.Tables {
		listed := list.Table(t.Family, t.Name)
		if listed == nil {
			return fmt.Errorf("rehearsal: the kernel does not list %s", t)
		}
		if given, got := t.objectCounts(), listed.objectCounts(); !maps.Equal(given, got) {
			return fmt.Errorf("rehearsal: the kernel lists other objects of %s than were created: %v, not %v", t, got, given)
		}
	}
	return nil
}

// objectCounts returns the numbers of elements of each set and of rules of each chain.
func (t *Table) objectCounts() map[string]int {
	counts := make(map[string]int, len(t.Sets)+len(t.Chains))
	for _, s := range t.Sets {
		counts[t.setName(s)] = len(s.Elements)
	}
	for _, c := range t.Chains {
		counts[t.chainName(c)] = len(c.Rules)
	}
	return counts
}

// sampled returns the ruleset with only a sample of the elements of each hash: one of each
// form.
//
// The kernel adds the elements of a hash one by one. How it lists an element depends on the
// set, on the form of the element, and for a verdict on its target (nft_add_set_elem in
// net/netfilter/nf_tables_api.c). It refuses an element because of others only if their keys
// are equal or if there are more than the size of the set: sample checks both. Intervals
// depend on each other, so all of them are kept.
func (r *Ruleset) sampled() *Ruleset {
	sampled := &Ruleset{}
	for _, t := range r.Tables {
		table := *t
		table.Sets = make([]*Set, len(t.Sets))
		for i, s := range t.Sets {
			set := *s
			set.Elements = s.sample()
			table.Sets[i] = &set
		}
		sampled.Tables = append(sampled.Tables, &table)
	}
	return sampled
}

// sample returns one element of each form. It returns all elements if the kernel might
// refuse some because of others; the kernel then reports the error.
func (s *Set) sample() []Element {
	if s.isInterval() || s.Size > 0 && len(s.Elements) > int(s.Size) {
		return s.Elements
	}
	seen := map[elementForm]bool{}
	var sample []Element
	var key string
	var last elementForm
	for _, e := range s.sorted(s.Elements) {
		if e.Key == key {
			return s.Elements
		}
		key = e.Key
		form := s.form(e)
		if form == last {
			continue // the usual case, faster than a lookup in seen
		}
		if last = form; !seen[form] {
			seen[form] = true
			sample = append(sample, e)
		}
	}
	return sample
}

// An elementForm is the part of an element on which the kernel's treatment depends: all
// except the bytes of a key, a value or a comment.
type elementForm struct {
	key, rest string // attribute headers, which include the length, or all bytes
}

func (s *Set) form(e Element) elementForm {
	f := elementForm{key: e.Key, rest: e.Rest}
	if isSingleAttribute(e.Key) {
		f.key = e.Key[:formBytes]
	}
	if s.DataType != typeVerdict && isSingleAttribute(e.Rest) {
		f.rest = e.Rest[:formBytes]
	}
	return f
}

// formBytes is the length of an attribute header and the header nested in it; for a comment,
// of its type, its length and its first two characters.
const formBytes = 2 * netlink.AttributeHeaderLen

// isSingleAttribute reports whether b is one attribute with some content.
func isSingleAttribute(b string) bool {
	_, _, n := netlink.FirstAttribute(b)
	return n == len(b) && n >= formBytes
}

// withAllElements returns the list that the kernel would return for all elements of r. list
// is its list of the sample. It reports false if list differs from the sample, so that the
// form of the other elements is unknown.
func (list *Ruleset) withAllElements(r, sample *Ruleset) (*Ruleset, bool) {
	for i, t := range r.Tables {
		listed := list.Table(t.Family, t.Name)
		for j, s := range t.Sets {
			set := listed.Set(s.Name)
			given := sample.Tables[i].Sets[j].Elements
			if len(given) == len(s.Elements) {
				continue
			}
			if !slices.Equal(set.Elements, set.sorted(given)) {
				return nil, false
			}
			set.Elements = set.sorted(s.Elements)
		}
	}
	return list, true
}
