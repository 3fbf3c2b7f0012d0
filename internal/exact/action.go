package exact

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// change applies actions after which the packet goes on. missed: as setMark.
func (m *machine) change(a *action) (missed bool) {
	switch a.Kind {
	case oldconfig.Opaque:
		m.opaque = append(m.opaque, fmt.Sprintf("%d: %d %d %d", a.id, m.mark, m.connMark, m.state))
		m.opaqueRule, m.markUnknown = a.origin, true
		m.observeAction("does something that is not understood")
		return false
	case oldconfig.Untrack:
		m.state = stateUntracked
		m.observeAction("ends tracking")
		return false
	}
	return m.setMark(a)
}

// setMark applies actions that change a mark. missed: the packet's address has no mark.
func (m *machine) setMark(a *action) (missed bool) {
	switch a.Kind {
	case oldconfig.SetMark:
		to := m.mark&a.And ^ a.Xor
		if a.byAddr != nil {
			of, ok := markOf(a.byAddr, m.values[destination])
			if !ok {
				return true
			}
			to = of
		}
		m.markUnknown = m.markUnknown && a.byAddr == nil && a.And != 0
		m.changeMark(to)
	case oldconfig.SetConnMark, oldconfig.SaveMark, oldconfig.RestoreMark:
		if m.hasConnection() {
			m.setConnMark(a)
		}
	}
	return false
}

// hasConnection reports whether connection tracking knows the packet. If not, actions on the
// mark of the connection do nothing (net/netfilter/xt_connmark.c).
func (m *machine) hasConnection() bool { return m.state != stateInvalid && m.state != stateUntracked }

func (m *machine) setConnMark(a *action) {
	switch a.Kind {
	case oldconfig.SetConnMark:
		m.connMark = m.connMark&a.And ^ a.Xor
	case oldconfig.SaveMark:
		m.connMark = m.connMark&a.And ^ m.mark&a.Mask
	case oldconfig.RestoreMark:
		if m.readsConnMark == nil {
			m.readsConnMark = m.at
		}
		m.changeMark(m.mark&a.And ^ m.connMark&a.Mask)
	}
}

func (m *machine) changeMark(to uint32) {
	if m.observe != nil {
		m.observeAction(markEffect(m.mark, to))
	}
	m.mark = to
}

func markEffect(from, to uint32) string {
	effect := "sets the mark to " + markText(to)
	if from == to {
		effect += ", which the packet already has"
	}
	return effect
}

func markText(mark uint32) string {
	if mark > 0xffff {
		return fmt.Sprintf("%#x", mark)
	}
	return fmt.Sprint(mark)
}

func (m *machine) observeAction(effect string) {
	if m.observe != nil {
		m.observe(Step{Effect: effect, Rule: m.at, Hook: m.hook, Sent: m.server != nil})
	}
}

// markOf returns the mark of an address in a sorted map.
func markOf(list []oldconfig.MarkOf, addr oldconfig.Number) (uint32, bool) {
	i, found := slices.BinarySearchFunc(list, addr, func(e oldconfig.MarkOf, n oldconfig.Number) int {
		switch {
		case e.Destination.High.Compare(n) < 0:
			return -1
		case e.Destination.Low.Compare(n) > 0:
			return 1
		}
		return 0
	})
	if !found {
		return 0, false
	}
	return list[i].Mark, true
}

func (m *machine) translate(a *action) {
	m.translated = true
	to := describeTranslation(a)
	if a.ToOriginal && m.packet != nil {
		to = "source becomes " + m.packet.To.Addr().String()
	}
	if a.Kind == oldconfig.TranslateSource && m.hook != oldconfig.Postrouting {
		return
	}
	m.end.translated = to
	m.observeAction("translates the packet: " + to)
}

func describeTranslation(a *action) string {
	kind := "destination"
	if a.Kind == oldconfig.TranslateSource {
		kind = "source"
		if a.ToOriginal {
			return "source becomes the VIP"
		}
		if len(a.To) == 0 {
			return "source becomes the address of the device"
		}
	}
	var text strings.Builder
	text.WriteString(kind + " becomes")
	for _, r := range a.To {
		text.WriteString(" " + rangeText(r))
	}
	for _, r := range a.ToPorts {
		text.WriteString(fmt.Sprintf(" port %d-%d", r.Low.Low, r.High.Low))
	}
	return text.String()
}
