package exact

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// markedServices returns the rules that look up services by mark: one, or one for UDP and one
// for the other protocols if a service schedules each packet of UDP on its own.
func (c *compiler) markedServices(services []*oldconfig.Service) []*rule {
	marked := slices.DeleteFunc(slices.Clone(services), func(s *oldconfig.Service) bool { return s.Mark == 0 || s.Family != c.family })
	if len(marked) == 0 {
		return nil
	}
	var rules []*rule
	if slices.ContainsFunc(marked, func(s *oldconfig.Service) bool { return s.Flags&ipvs.OnePacket != 0 }) {
		isUDP := []test{{protocol, c.set(single(uint64(config.UDP)))}}
		rules = append(rules, c.rule([]segment{{tests: isUDP, actions: c.tableOf(marked, true)}}, nil))
	}
	return append(rules, c.rule([]segment{{actions: c.tableOf(marked, false)}}, nil))
}

func (c *compiler) tableOf(services []*oldconfig.Service, udp bool) []*action {
	table := &serviceTable{byMark: map[uint32]*served{}}
	for _, s := range services {
		if _, known := table.byMark[s.Mark]; known {
			continue
		}
		v := newServed(forProtocol(s, udp))
		table.byMark[s.Mark] = v
		table.fixesPorts = table.fixesPorts || len(v.fixed) > 0
	}
	return []*action{c.action("", &action{Action: oldconfig.Action{Kind: oldconfig.NoEffect}, services: table, port: -1})}
}

// forProtocol returns the service as it serves packets of UDP, or of other protocols, which
// IPVS never schedules one by one (ip_vs_schedule of net/netfilter/ipvs/ip_vs_core.c).
func forProtocol(s *oldconfig.Service, udp bool) *oldconfig.Service {
	if udp || s.Flags&ipvs.OnePacket == 0 {
		return s
	}
	other := *s
	other.Flags &^= ipvs.OnePacket
	return &other
}
