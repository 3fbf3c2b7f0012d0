package draft

import (
	"fmt"
	"slices"
)

// joined joins boxes that differ in one condition only, of which iptables takes one value in
// each rule: devices or client networks. A box without the condition joins none.
func joined[T comparable](boxes []box, conditionOf func(*only) *[]T) []box {
	var list []box
	index := map[string]int{}
	for _, b := range boxes {
		given := slices.Clone(*conditionOf(&b.only))
		if given == nil {
			list = append(list, b)
			continue
		}
		same := b
		*conditionOf(&same.only), same.line = nil, boxes[0].line
		key := fmt.Sprintf("%v", same)
		i, known := index[key]
		if !known {
			index[key], list = len(list), append(list, b)
			*conditionOf(&list[len(list)-1].only) = given
			continue
		}
		have := conditionOf(&list[i].only)
		for _, value := range given {
			if !slices.Contains(*have, value) {
				*have = append(*have, value)
			}
		}
	}
	return list
}
