package equivalence

import (
	"regexp"
	"slices"
	"strings"
)

// SplitListing splits the output of `nft list ruleset` into the tables of lvsmark and
// all others. lvsmark's tables, chains and sets are sorted, because their order depends
// on their creation; the others are unchanged.
func SplitListing(list string) (own, foreign string) {
	var owned []string
	for _, table := range strings.SplitAfter(list, "\n}\n") {
		if strings.Contains(table, "\n\tcomment \"lvsmark:") {
			owned = append(owned, sortedBlocks(table))
		} else {
			foreign += table
		}
	}
	slices.Sort(owned)
	return strings.Join(owned, ""), foreign
}

// sortedBlocks sorts the chains and sets of one table. Rules keep their order, and
// elements too, which nft sorts itself.
func sortedBlocks(table string) string {
	table = strings.ReplaceAll(table, "\n\n", "\n")
	blocks := strings.SplitAfter(table, "\n\t}\n")
	// The first block contains the head of the table, the last is its end.
	head := regexp.MustCompile(`^table .* \{\n(\tcomment .*\n|\tflags .*\n)*`).FindString(table)
	blocks[0] = strings.TrimPrefix(blocks[0], head)
	end := len(blocks) - 1
	slices.Sort(blocks[:end])
	return head + strings.Join(blocks, "")
}
