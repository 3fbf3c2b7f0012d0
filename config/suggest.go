package config

import "strings"

// suggest returns the hint for an unknown word: the nearest known word if one is
// similar, then the title and all known words.
func suggest(word, title string, known []string) string {
	hint := "; "
	if near := nearest(word, known); near != "" {
		hint = "; did you mean " + quote(near) + "? "
	}
	return hint + title + ": " + strings.Join(known, ", ")
}

// suggestKey is suggest for a key of a mapping. If no known key is near, it names the mappings
// with this key.
func suggestKey(name string, known []string, mappingsWith func() map[string][]string) string {
	if nearest(name, known) == "" {
		if others := mappingsWith()[name]; len(others) > 0 {
			return "; it is a key of " + strings.Join(others, ", ") + suggest("", "known keys", known)
		}
	}
	return suggest(name, "known keys", known)
}

// nearest returns the known word with the smallest distance to word, at most a
// third of its length; "" if there is none.
func nearest(word string, known []string) string {
	const longest = 40 // longer than every known word; the cost is the product of the lengths
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

// distance returns the optimal string alignment distance: how many bytes to insert,
// delete, replace or swap with the next one to turn one word into the other.
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
