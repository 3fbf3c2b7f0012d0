package main

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// A block is a part of a file that a test executes as a whole; the columns count bytes.
type block struct {
	file                           string
	line, column, toLine, toColumn int
}

// A testRun is one test, with the blocks of the mutated package that it executes.
type testRun struct {
	name       string
	took       time.Duration
	covered    map[string][]block // by base name of the file
	everything bool               // what it executes is unknown
}

// parseProfile reads a coverage profile. It returns the blocks that were executed, and all.
func parseProfile(profile string) (covered, all map[string][]block, err error) {
	covered, all = map[string][]block{}, map[string][]block{}
	for line := range strings.Lines(profile) {
		name, rest, ok := strings.Cut(line, ".go:")
		if !ok {
			continue // mode
		}
		b := block{file: path.Base(name) + ".go"}
		var statements, count int
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.line, &b.column, &b.toLine, &b.toColumn, &statements, &count); err != nil {
			return nil, nil, fmt.Errorf("coverage %q: %w", line, err)
		}
		all[b.file] = append(all[b.file], b)
		if count > 0 {
			covered[b.file] = append(covered[b.file], b)
		}
	}
	return covered, all, nil
}

// contains reports whether the mutant is in the block.
func (b block) contains(m *mutant) bool {
	return (b.line < m.line || b.line == m.line && b.column <= m.column) &&
		(m.line < b.toLine || m.line == b.toLine && m.column < b.toColumn)
}

// reaching returns the tests that may execute the mutant, the fastest first. Blocks do not
// contain the expressions of a case: then the function counts. Outside of functions, all
// tests may.
func reaching(tests []testRun, all map[string][]block, m *mutant) []testRun {
	file := path.Base(m.file)
	reaches := func(testRun) bool { return true }
	switch {
	case slices.ContainsFunc(all[file], func(b block) bool { return b.contains(m) }):
		reaches = func(t testRun) bool {
			return slices.ContainsFunc(t.covered[file], func(b block) bool { return b.contains(m) })
		}
	case m.function != "":
		reaches = func(t testRun) bool {
			return slices.ContainsFunc(t.covered[file], func(b block) bool {
				return m.lines[0] <= b.line && b.toLine <= m.lines[1]
			})
		}
	}
	found := slices.DeleteFunc(slices.Clone(tests), func(t testRun) bool { return !t.everything && !reaches(t) })
	slices.SortFunc(found, func(a, b testRun) int { return int(a.took - b.took) })
	return found
}
