package draft

import (
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
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
		*conditionOf(&same.only), same.line, same.element = nil, boxes[0].line, nil
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

// joinProtocols joins the box of all first packets of TCP with that of all other protocols:
// iptables tests flags in rules for TCP only. A box without TCP is left out if its rule has
// another box with its packets, as in the chains of marks: first-packet, and one of all the
// other protocols alone.
func (d *Draft) joinProtocols(boxes []box) []box {
	key := func(b box) string {
		return fmt.Sprint(b.family, b.hook, b.mark, b.destinations, b.only)
	}
	allTCP := []config.PortRange{{Protocol: config.TCP, Low: 1, High: 65535}}
	type ofRule struct {
		line oldconfig.Line
		key  string
	}
	others, withTCP := map[string]bool{}, map[ofRule][]box{}
	for _, b := range boxes {
		if b.exceptTCP {
			others[key(b)] = others[key(b)] || b.everyPort
			continue
		}
		rule := ofRule{b.line, key(b)}
		withTCP[rule] = append(withTCP[rule], b)
	}
	joined := map[string]bool{}
	for i := range boxes {
		if b := &boxes[i]; others[key(*b)] && b.firstPackets && slices.Equal(b.ports, allTCP) {
			joined[key(*b)] = true
			b.everyPort, b.ports = true, nil
		}
	}
	return slices.DeleteFunc(boxes, func(b box) bool {
		if !b.exceptTCP || slices.ContainsFunc(withTCP[ofRule{b.line, key(b)}], b.isWithin) {
			return b.exceptTCP
		}
		if !b.everyPort {
			return false
		}
		if !joined[key(b)] {
			d.remark(b.line, "a spec cannot contain this rule: it marks every protocol but TCP")
		}
		return true
	})
}

// isWithin reports whether another box has the ports of b.
func (b box) isWithin(other box) bool {
	return other.everyPort || !b.everyPort && !slices.ContainsFunc(b.ports, func(r config.PortRange) bool {
		return !slices.Contains(other.ports, r)
	})
}
