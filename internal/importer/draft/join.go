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

// left returns what holds for packets behind a rule that takes all packets of other
// protocols out of the chain, or all packets of TCP without SYN.
func left(r *oldconfig.Rule) (oldconfig.Match, bool) {
	if len(r.Actions) != 1 || r.Then != nil {
		return oldconfig.Match{}, false
	}
	switch r.Actions[0].Kind {
	case oldconfig.Accept, oldconfig.Drop, oldconfig.Return:
	default:
		return oldconfig.Match{}, false
	}
	matches := slices.DeleteFunc(slices.Clone(r.Matches), isTCP)
	if len(matches) != 1 {
		return oldconfig.Match{}, false
	}
	m := matches[0]
	switch m.Field {
	case oldconfig.Protocol:
		m.Not = false
		return m, matches[0].Not && len(r.Matches) == 1
	case oldconfig.TCPFlags:
		const syn, ack = 0x02, 0x10
		m.Not = !m.Not
		holds := func(flags uint32) bool { return holdsFor(m, oldconfig.Number{Low: uint64(flags & m.Mask)}) }
		return m, holds(syn) && !holds(ack)
	}
	return m, false
}

func isTCP(m oldconfig.Match) bool {
	m.Not = !m.Not
	return isNotTCP(m)
}

func isNotTCP(m oldconfig.Match) bool {
	tcp := oldconfig.Number{Low: uint64(config.TCP)}
	return m.Not && len(m.In) == 1 && m.In[0] == oldconfig.Range{Low: tcp, High: tcp}
}

// joinProtocols joins the box of all first packets of TCP with that of all other protocols:
// iptables tests flags in rules for TCP only. A box of the other protocols alone is left out.
func (d *Draft) joinProtocols(boxes []box) []box {
	key := func(b box) string {
		return fmt.Sprint(b.family, b.hook, b.mark, b.destinations, b.only)
	}
	allTCP := []config.PortRange{{Protocol: config.TCP, Low: 1, High: 65535}}
	others := map[string]bool{}
	for _, b := range boxes {
		others[key(b)] = others[key(b)] || b.exceptTCP
	}
	joined := map[string]bool{}
	for i := range boxes {
		if b := &boxes[i]; others[key(*b)] && b.firstPackets && slices.Equal(b.ports, allTCP) {
			joined[key(*b)] = true
			b.everyPort, b.ports = true, nil
		}
	}
	return slices.DeleteFunc(boxes, func(b box) bool {
		if b.exceptTCP && !joined[key(b)] {
			d.remark(b.line, "a spec cannot contain this rule: it marks every protocol but TCP")
		}
		return b.exceptTCP
	})
}
