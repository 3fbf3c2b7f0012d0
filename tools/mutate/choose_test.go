package main

import (
	"fmt"
	"slices"
	"testing"
)

// TestChoiceIsStable edits the sources around mutants: those of other lines stay chosen.
func TestChoiceIsStable(t *testing.T) {
	all := func(*mutant) bool { return true }
	var body string
	for i := range 50 {
		body += fmt.Sprintf("\ta = b + %d\n", 10*i+5)
	}
	chosen := func(body string, seed uint64) []string {
		var changes []string
		for _, m := range choose([][]*mutant{mutantsIn(t, body)}, 40, seed, all) {
			changes = append(changes, m.change())
		}
		return changes
	}
	before := chosen(body, 1)
	if len(before) != 40 {
		t.Fatalf("%d chosen, not 40", len(before))
	}
	if other := chosen(body, 2); slices.Equal(before, other) {
		t.Error("another seed has the same choice")
	}
	if after := chosen("\n\n\t// without a mutant\n"+body, 1); !slices.Equal(before, after) {
		t.Errorf("a comment changes the choice:\n%q\n%q", before, after)
	}
	after := chosen("\tok = !done\n"+body, 1) // at most two mutants more
	lost := slices.DeleteFunc(slices.Clone(before), func(change string) bool { return slices.Contains(after, change) })
	if len(lost) > 2 {
		t.Errorf("a line replaces %d of the choice: %q", len(lost), lost)
	}
}

// TestChoice checks that each mutant is chosen once: equal lines have a mutant each, and those
// that are not usable are replaced.
func TestChoice(t *testing.T) {
	lines := mutantsIn(t, "\ta -= b\n\ta -= b\n\ta -= b\n")
	for n, want := range map[int]int{0: 6, 3: 3, 6: 6, 100: 6} {
		got := choose([][]*mutant{lines}, n, 1, func(*mutant) bool { return true })
		positions := map[string]bool{}
		for _, m := range got {
			positions[fmt.Sprint(m.start, m.operator)] = true
		}
		if len(got) != want || len(positions) != want {
			t.Errorf("of 6 mutants and -n %d: %d, of them %d different; want %d", n, len(got), len(positions), want)
		}
	}
	for _, n := range []int{0, 3} {
		signs := choose([][]*mutant{lines}, n, 1, func(m *mutant) bool { return m.operator == "sign" })
		if len(signs) != 3 {
			t.Errorf("-n %d: %d of the 3 usable mutants", n, len(signs))
		}
	}
}

// TestChoiceOfFiles checks that a larger file has more of the choice.
func TestChoiceOfFiles(t *testing.T) {
	lists := make([][]*mutant, 2)
	for i, n := range []int{300, 100} {
		for j := range n {
			lists[i] = append(lists[i], &mutant{file: string(rune('a' + i)), source: "x", end: 1, replacement: fmt.Sprint(j)})
		}
	}
	counts := map[string]int{}
	for _, m := range choose(lists, 80, 1, func(*mutant) bool { return true }) {
		counts[m.file]++
	}
	if counts["a"]+counts["b"] != 80 || counts["a"] < 50 || counts["b"] < 10 {
		t.Errorf("of 300 and 100 mutants: %v", counts)
	}
}
