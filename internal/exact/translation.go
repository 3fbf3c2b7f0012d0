package exact

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

func (m *machine) translate(a *action) {
	m.translated = true
	to := m.describeTranslation(a)
	if a.ToOriginal && m.packet != nil {
		to = "source becomes " + m.packet.To.Addr().String()
	}
	if a.Kind == oldconfig.TranslateSource && m.hook != oldconfig.Postrouting {
		return
	}
	m.end.translated, m.rest = to, a.rest
	if to, ok := newAddress(&a.Action); ok && a.rest != nil {
		m.values[destination] = to
	}
	if port, ok := newPort(&a.Action); ok && a.rest != nil {
		m.values[destinationPort] = port
	}
	m.observeAction("translates the packet: " + to)
}

// describeTranslation says all by which translations differ.
func (m *machine) describeTranslation(a *action) string {
	if a.ToOriginal {
		return "source becomes the VIP"
	}
	isSource := m.translatesSource(a)
	text := "destination becomes"
	if isSource {
		text = "source becomes"
	}
	var to strings.Builder
	to.WriteString(text)
	switch {
	case a.ToDevice:
		to.WriteString(" the address of the device")
	case a.ToNetwork:
		to.WriteString(" its counterpart in")
	}
	several := false
	for _, r := range a.To {
		to.WriteString(" " + rangeText(r))
		several = several || r.Low != r.High
	}
	for _, r := range a.ToPorts {
		fmt.Fprintf(&to, " port %d-%d", r.Low.Low, r.High.Low)
	}
	// The kernel changes the port of a destination only if the rule has ports
	// (nf_nat_l4proto_unique_tuple of net/netfilter/nf_nat_core.c).
	if a.RandomPorts && (isSource || len(a.ToPorts) > 0) {
		to.WriteString(" with a random port")
	}
	if a.Persistent && several {
		to.WriteString(", one for each client")
	}
	return to.String()
}

// translatesSource: the target NETMAP translates the source behind the routing, and the
// destination ahead of it (net/netfilter/xt_NETMAP.c).
func (m *machine) translatesSource(a *action) bool {
	return a.Kind == oldconfig.TranslateSource ||
		a.ToNetwork && (m.hook == oldconfig.Postrouting || m.hook == oldconfig.Input)
}
