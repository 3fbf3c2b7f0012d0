package nft

import (
	"slices"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

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
