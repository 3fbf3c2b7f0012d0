package config

import "strings"

// suggest is the way out of an unknown word: the nearest known one if one is
// near, and all of them under a title.
func suggest(word, title string, known []string) string {
	hint := "; "
	if near := nearest(word, known); near != "" {
		hint = "; did you mean " + quote(near) + "? "
	}
	return hint + title + ": " + strings.Join(known, ", ")
}

// nearest returns the known word that differs least from another one, in no
// more than a third of it; empty when there is none.
func nearest(word string, known []string) string {
	const longest = 40 // no word of ours is longer, and the cost is the product of lengths
	if len(word) > longest {
		return ""
	}
	word = strings.ReplaceAll(strings.ToLower(word), "_", "-")
	best, limit := "", max(1, len(word)/3)
	for _, candidate := range known {
		if d := distance(word, candidate); d < limit || d == limit && best == "" {
			best, limit = candidate, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete, replace or swap with the
// next one to come from one word to the other (optimal string alignment).
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			replace := row[j]
			if a[i] != b[j] {
				replace++
			}
			next[j+1] = min(replace, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
