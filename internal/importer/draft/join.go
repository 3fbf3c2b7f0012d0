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
// iptables tests flags in rules for TCP only. A box of the other protocols alone is left out.
func (d *Draft) joinProtocols(boxes []box) []box {
	boxes = withoutRepeated(boxes)
	allTCP := []config.PortRange{{Protocol: config.TCP, Low: 1, High: 65535}}
	others := map[string]bool{}
	for _, b := range boxes {
		others[b.key()] = others[b.key()] || b.exceptTCP && b.everyPort
	}
	joined := map[string]bool{}
	for i := range boxes {
		if b := &boxes[i]; others[b.key()] && b.firstPackets && slices.Equal(b.ports, allTCP) {
			joined[b.key()] = true
			b.everyPort, b.ports = true, nil
		}
	}
	return slices.DeleteFunc(boxes, func(b box) bool {
		if !b.exceptTCP || !b.everyPort {
			return false
		}
		if !joined[b.key()] {
			d.remark(b.line, "a spec cannot contain this rule: it marks every protocol but TCP")
		}
		return true
	})
}

// key is equal for boxes that differ in their ports alone.
func (b box) key() string { return fmt.Sprint(b.family, b.hook, b.mark, b.destinations, b.only) }

// withoutRepeated leaves out boxes without TCP whose rule has another box with their packets. In
// the chains of marks: first-packet, packets reach a rule on two ways.
func withoutRepeated(boxes []box) []box {
	type ofRule struct {
		line oldconfig.Line
		key  string
	}
	withTCP := map[ofRule][]box{}
	for _, b := range boxes {
		if !b.exceptTCP {
			rule := ofRule{b.line, b.key()}
			withTCP[rule] = append(withTCP[rule], b)
		}
	}
	return slices.DeleteFunc(boxes, func(b box) bool {
		return b.exceptTCP && slices.ContainsFunc(withTCP[ofRule{b.line, b.key()}], b.isWithin)
	})
}

// isWithin reports whether another box has the ports of b.
func (b box) isWithin(other box) bool {
	return other.everyPort || !b.everyPort && !slices.ContainsFunc(b.ports, func(r config.PortRange) bool {
		return !slices.Contains(other.ports, r)
	})
}
