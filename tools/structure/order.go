package main

import (
	"cmp"
	"maps"
	"slices"
)

// order puts the files in an order with few arrows that run back: users first. It
// takes files that nothing else names, then those that name nothing else, then the
// one that names more than it is named (Eades, Lin and Smyth, 1993), and at last
// moves single files as long as that saves an arrow.
func (r *room) order() []string {
	left := map[string]bool{}
	for _, f := range r.files {
		left[f.name] = true
	}
	var first, last []string
	for len(left) > 0 {
		name, isSink := r.next(left)
		delete(left, name)
		if isSink {
			last = append(last, name)
		} else {
			first = append(first, name)
		}
	}
	slices.Reverse(last)
	return r.improve(append(first, last...))
}

// next is the file to be placed: a sink, or else the one with the most arrows out
// over those in.
func (r *room) next(left map[string]bool) (name string, isSink bool) {
	best := 0
	for _, candidate := range slices.Sorted(maps.Keys(left)) {
		out, in := r.degrees(candidate, left)
		if out == 0 {
			return candidate, true
		}
		excess := out - in
		if in == 0 {
			excess = len(r.arrows) // a source
		}
		if name == "" || excess > best {
			name, best = candidate, excess
		}
	}
	return name, false
}

func (r *room) degrees(name string, left map[string]bool) (out, in int) {
	for a := range r.arrows {
		switch {
		case a.from == name && left[a.to]:
			out++
		case a.to == name && left[a.from]:
			in++
		}
	}
	return out, in
}

// improve moves single files to where the fewest arrows run back.
func (r *room) improve(order []string) []string {
	for moved := true; moved; {
		moved = false
		for _, name := range slices.Clone(order) {
			at := slices.Index(order, name)
			best, gain := at, 0
			for step, sum := -1, 0; at+step >= 0; step-- {
				if sum += r.gain(order[at+step], name); sum > gain {
					best, gain = at+step, sum
				}
			}
			for step, sum := 1, 0; at+step < len(order); step++ {
				if sum += r.gain(name, order[at+step]); sum > gain {
					best, gain = at+step, sum
				}
			}
			if gain > 0 {
				order = slices.Insert(slices.Delete(order, at, at+1), best, name)
				moved = true
			}
		}
	}
	return order
}

// gain is how many arrows fewer run back when the second file goes ahead of the
// first.
func (r *room) gain(first, second string) (gain int) {
	if _, ok := r.arrows[arrow{second, first}]; ok {
		gain++
	}
	if _, ok := r.arrows[arrow{first, second}]; ok {
		gain--
	}
	return gain
}

func compareArrows(a, b arrow) int {
	return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
}
