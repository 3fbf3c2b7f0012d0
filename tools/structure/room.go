package main

import (
	"fmt"
	"slices"
)

// Limits of the structure.
const (
	fileLimit     = 320 // lines of a file
	functionLimit = 27  // lines of 95 of 100 functions
)

// limitsOf are those of single packages.
func limitsOf(name string) (files, back int) {
	switch name {
	case "nft": // texts of rules have six files; chains, rules and sets of keys of the spec one each, which Compile calls
		return 50, 24
	case "cmd/lvsmark": // a file for each verb, and an arrow to it from the root command
		return 60, 34
	case "config": // a file for the keys of each part of the spec, which the decoder and the checks call
		return 45, 24
	case ".":
		return 17, 22
	}
	return 40, 20
}

// A room is a package without its tests.
type room struct {
	name      string // its directory, from the root of the module
	files     []file
	functions []int // lines of each
	arrows    map[arrow][]string
}

type file struct {
	name  string
	lines int
}

// An arrow goes from a file to one whose declarations it names.
type arrow struct{ from, to string }

func (r *room) lines() (n int) {
	for _, f := range r.files {
		n += f.lines
	}
	return n
}

func (r *room) longestFile() file {
	return slices.MaxFunc(r.files, func(a, b file) int { return a.lines - b.lines })
}

// exceeded says which limits the package exceeds.
func (r *room) exceeded() (lines []string) {
	files, back := limitsOf(r.name)
	if n := len(r.files); n > files {
		lines = append(lines, fmt.Sprintf("%s: %d files, the limit is %d", r.name, n, files))
	}
	if n := len(r.back()); n > back {
		lines = append(lines, fmt.Sprintf("%s: %d arrows run back, the limit is %d", r.name, n, back))
	}
	if f := r.longestFile(); f.lines > fileLimit {
		lines = append(lines, fmt.Sprintf("%s/%s: %d lines, the limit is %d", r.name, f.name, f.lines, fileLimit))
	}
	return lines
}

// back are the arrows against the order of the files.
func (r *room) back() (back []arrow) {
	place := map[string]int{}
	for i, name := range r.order() {
		place[name] = i
	}
	for a := range r.arrows {
		if place[a.from] > place[a.to] {
			back = append(back, a)
		}
	}
	slices.SortFunc(back, compareArrows)
	return back
}

func percentile(values []int, p int) int {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)*p/100]
}
