package equivalence

import (
	"regexp"
	"slices"
	"strings"
)

// SplitListing splits what `nft list ruleset` prints into the tables of lvsmark,
// in a form that does not depend on the order in which tables, chains and sets
// were made, and the text of all others as it is.
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

// sortedBlocks sorts the chains and sets of one table. Rules and elements stay
// in their order: nft sorts the latter itself.
func sortedBlocks(table string) string {
	table = strings.ReplaceAll(table, "\n\n", "\n")
	blocks := strings.SplitAfter(table, "\n\t}\n")
	// The first block comes with the head of the table, the last is its end.
	head := regexp.MustCompile(`^table .* \{\n(\tcomment .*\n|\tflags .*\n)*`).FindString(table)
	blocks[0] = strings.TrimPrefix(blocks[0], head)
	end := len(blocks) - 1
	slices.Sort(blocks[:end])
	return head + strings.Join(blocks, "")
}
