package iptables

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A pick is a place in the addresses of -s, and one in those of -d, by field, from 1; 0: all of them.
type pick [oldconfig.Destination + 1]int

// maxSingle limits the rules of one line that are kept apart: each is read with all addresses.
const maxSingle = 64

// single returns the rules that iptables makes of a line: one for each source and destination. A line
// that becomes many stays one rule, whose numbers in the chain are not known.
func (r rule) single(family oldconfig.Family) []*rule {
	if !slices.ContainsFunc(r.words, func(w Word) bool { return strings.Contains(w.Text, ",") }) {
		return []*rule{&r}
	}
	counts := r.parse(family, nil).counts
	sources, destinations := max(counts[oldconfig.Source], 1), max(counts[oldconfig.Destination], 1)
	if sources*destinations == 1 || sources*destinations > maxSingle {
		r.wide = sources*destinations > 1
		return []*rule{&r}
	}
	list := make([]*rule, 0, sources*destinations)
	for s := range sources {
		for d := range destinations {
			one := r
			one.pick[oldconfig.Source], one.pick[oldconfig.Destination] = s+1, d+1
			list = append(list, &one)
		}
	}
	return list
}
