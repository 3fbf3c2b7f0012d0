package exact

import (
	"fmt"
	"slices"

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
		if m.hasConnection() && m.hook != ipvsHook {
			return false
		}
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
func (m *machine) hasConnection() bool {
	now := m.stateNow()
	return now != stateInvalid && now != stateUntracked
}

// stateNow returns the state that matches see in the current chain. Ahead of connection tracking
// it is INVALID, unless a rule has ended the tracking (nft_ct_get_eval of net/netfilter/nft_ct.c,
// conntrack_mt of net/netfilter/xt_conntrack.c).
func (m *machine) stateNow() int {
	if !m.late && m.state != stateUntracked {
		return stateInvalid
	}
	return m.state
}

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
