package exact

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A target is the real server that a packet is sent to.
type target struct {
	oldconfig.RealServer
	form form
}

// sentTo returns the real servers whose packets the comparison follows.
func (v *served) sentTo() []target {
	var list []target
	for _, r := range v.sorted() {
		if f, ok := v.formOf(r); ok {
			list = append(list, target{r, f})
		}
	}
	return list
}

// fulfils reports whether a test of the real server holds.
func (t *target) fulfils(d *dynamicTest) bool {
	switch d.field {
	case serverAddress:
		return d.values.contains(addressNumber(t.Address))
	case serverPort:
		return d.values.contains(number(uint64(t.Port)))
	}
	return d.values.contains(number(uint64(t.form)))
}

// send runs the chains behind IPVS for each real server of the service.
func (m *machine) send(chains []baseChain) {
	observe, observed := m.observe, []Step(nil)
	for _, to := range m.end.by.targets {
		s := *m
		s.server, s.end, s.opaque = &to, outcome{}, nil
		if observe != nil {
			s.observe = func(step Step) {
				isSetting := step.Rule != nil && step.Rule.Text == trackingName && step.Rule.File == ""
				if !isSetting && !slices.Contains(observed, step) {
					observed = append(observed, step)
					observe(step)
				}
			}
		}
		s.chains(chains)
		m.readsConnMark, m.related = either(m.readsConnMark, s.readsConnMark), either(m.related, s.related)
		m.readsState = either(m.readsState, s.readsState)
		if m.asked = s.asked; m.asked != nil {
			return
		}
		if s.opaqueRule != m.opaqueRule {
			m.opaque, m.opaqueRule = append(m.opaque, s.opaque...), s.opaqueRule
		}
		if effect := s.end.sending(); effect != "" {
			m.end.sent = append(m.end.sent, sending{to.Address.String(), effect})
		}
	}
}

// A sending is what rules do to packets to a real server.
type sending struct{ server, effect string }

func (o outcome) sending() string {
	if o.fate == dropped {
		return "dropped"
	}
	return o.translated
}

// sentText describes what becomes of packets to the real servers; "": nothing.
func (o outcome) sentText() string {
	if len(o.sent) == 0 {
		return ""
	}
	differs := func(s sending) bool { return s.effect != o.sent[0].effect }
	if len(o.sent) == len(o.by.targets) && !slices.ContainsFunc(o.sent, differs) {
		return "; on the way to the real servers: " + o.sent[0].effect
	}
	list := make([]string, len(o.sent))
	for i, s := range o.sent {
		list[i] = "; on the way to " + s.server + ": " + s.effect
	}
	return strings.Join(list, "")
}

// dropsSent reports whether a rule drops packets on their way to a real server.
func (o outcome) dropsSent() bool {
	return slices.ContainsFunc(o.sent, func(s sending) bool { return s.effect == "dropped" })
}
