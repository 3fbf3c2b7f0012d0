package nft

import (
	"slices"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// sampled is the ruleset with only some elements of each hash: one of each form.
//
// The kernel takes the elements of a hash one by one, and what it makes of one
// depends on the set, on the form of the element, and for a verdict on where it
// leads (nft_add_set_elem in net/netfilter/nf_tables_api.c). What depends on the
// others is that their keys differ and that there are no more than the set's
// size: sample looks at both. Intervals depend on each other, so of those all
// are taken.
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

// sample is one element of each form, or all where the kernel might refuse them
// because of each other: then the kernel reports it.
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
			continue // the usual case, and quicker than to ask seen
		}
		if last = form; !seen[form] {
			seen[form] = true
			sample = append(sample, e)
		}
	}
	return sample
}

// An elementForm is what the kernel looks at in an element: all but the bytes of
// a key, a value or a comment.
type elementForm struct {
	key, rest       string // the headers of attributes, or all
	keyLen, restLen int
}

func (s *Set) form(e Element) elementForm {
	f := elementForm{key: e.Key, rest: e.Rest, keyLen: len(e.Key), restLen: len(e.Rest)}
	if isSingleAttribute(e.Key) {
		f.key = e.Key[:formBytes]
	}
	if s.DataType != typeVerdict && isSingleAttribute(e.Rest) {
		f.rest = e.Rest[:formBytes]
	}
	return f
}

// formBytes are the header of an attribute and that of the one nested in it; of
// a comment, its type and length and its first two letters.
const formBytes = 2 * netlink.AttributeHeaderLen

// isSingleAttribute reports whether b is one attribute, with some content.
func isSingleAttribute(b string) bool {
	_, _, n := netlink.FirstAttribute(b)
	return n == len(b) && n >= formBytes
}

// withAllElements is what the kernel would have listed if it had been given all
// elements of r instead of a sample; false: the kernel does not list those of the
// sample as it got them, so nothing is known of the others.
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
