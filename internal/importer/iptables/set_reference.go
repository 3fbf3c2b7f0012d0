package iptables

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// namedSets returns the sets that a rule names in one of the options of the match set and the
// target SET. iptables takes an option that is cut short.
func namedSets(words []Word, options ...string) (names []string) {
	if !slices.ContainsFunc(words, func(w Word) bool { return !w.Quoted && (w.Text == "set" || w.Text == "SET") }) {
		return nil
	}
	for i, w := range words {
		option, name, attached := strings.Cut(w.Text, "=")
		const shortest = len("--ad")
		if w.Quoted || len(option) < shortest || !slices.ContainsFunc(options, func(full string) bool { return strings.HasPrefix(full, option) }) {
			continue
		}
		if !attached && i+1 < len(words) {
			name = words[i+1].Text
		}
		names = append(names, name)
	}
	return names
}

// anySet are the options that name a set.
var anySet = []string{"--match-set", "--set", "--add-set", "--del-set", "--map-set"}

// missingSets returns the sets that a rule names, and that are not there yet. iptables refuses
// such a rule.
func (r *Ruleset) missingSets(words []Word) (missing []string) {
	for _, name := range namedSets(words, anySet...) {
		if r.sets[name] == nil {
			missing = append(missing, name)
		}
	}
	return missing
}

// refers reports whether a list of sets or a rule names the set. ipset does not destroy or rename
// such a set.
func (r *Ruleset) refers(name string) bool {
	for _, s := range r.sets {
		if r.compared++; r.compared > maxCompared {
			return false
		}
		if s.kind != "list:set" {
			continue
		}
		if r.compared += len(s.elements); s.contains(name) {
			return true
		}
	}
	for _, t := range r.order {
		for _, c := range t.chains {
			if r.compared += len(c.rules); r.compared > maxCompared {
				return false
			}
			if slices.ContainsFunc(c.rules, func(rule *rule) bool { return slices.Contains(namedSets(rule.words, anySet...), name) }) {
				return true
			}
		}
	}
	return false
}

// contains reports whether a list has a member.
func (s *set) contains(member string) bool {
	for _, e := range s.elements {
		if e.member == member {
			return true
		}
	}
	return false
}

// clearSets executes flush or destroy, of all sets without a name: all of them, or none.
func (r *Ruleset) clearSets(command, name string) bool {
	names := []string{name}
	if name == "" {
		names = slices.Collect(maps.Keys(r.sets))
	} else if r.sets[name] == nil {
		return false
	}
	if command == "destroy" && slices.ContainsFunc(names, r.refers) {
		return false
	}
	for _, name := range names {
		s := r.sets[name]
		s.elements, s.order, s.limits.count = map[string]element{}, nil, 0
		if command == "destroy" {
			delete(r.sets, name)
		}
	}
	return true
}

func (r *Ruleset) exchangeSets(command, from, to string) bool {
	first, second := r.sets[from], r.sets[to]
	if first == nil || (second == nil) == (command == "swap") {
		return false
	}
	if command == "swap" && !first.exchanges(second) || command == "rename" && r.refers(from) {
		return false
	}
	r.sets[to] = first
	if command == "rename" {
		delete(r.sets, from)
	} else {
		r.sets[from] = second
	}
	return true
}

// exchanges reports whether ipset swaps the sets: they have the same features and the same family
// (ip_set_swap of net/netfilter/ipset/ip_set_core.c).
func (s *set) exchanges(other *set) bool {
	features := func(s *set) []string {
		return append(s.dimensions(), fmt.Sprint(strings.HasPrefix(s.kind, "hash:net"), s.family))
	}
	return slices.Equal(features(s), features(other)) && (s.dimensions() != nil || s.kind == other.kind)
}
