package exact

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// ipvs returns what IPVS does with a packet that the rules leave to it.
func (n *naive) ipvs() string {
	syn := n.p.Flags&2 != 0 && n.p.Flags&4 == 0 || n.p.Protocol != 6
	if !syn || n.p.From.Port() == 20 {
		return "local"
	}
	find := func(port uint16) *oldconfig.Service {
		for _, s := range n.side.Services {
			if s.Mark == 0 && s.Family == n.family && uint8(s.Protocol) == n.p.Protocol && s.Address.Addr() == n.p.To.Addr() && s.Address.Port() == port {
				return s
			}
		}
		return nil
	}
	var s *oldconfig.Service
	for _, o := range n.side.Services {
		if s == nil && o.Mark != 0 && o.Mark == n.mark && o.Family == n.family {
			s = o
		}
	}
	port := n.p.To.Port()
	if s == nil {
		s = find(port)
	}
	if s == nil && n.p.Protocol == 6 && (port == 20 || port >= 1024) {
		s = find(21)
	}
	if s == nil {
		s = find(0)
	}
	switch {
	case s == nil:
		return "local"
	case s.Mark == 0 && s.Timeout == 0 && s.Address.Port() == 21 && port != 21:
		return "local"
	case s.Mark == 0 && s.Timeout == 0 && s.Address.Port() != port, len(s.RealServers) == 0:
		n.service, n.refused = s, true
		return "refused"
	case n.p.Protocol == 6 && n.p.Flags&18 == 18 && !slices.ContainsFunc(s.RealServers, func(r oldconfig.RealServer) bool { return r.Forwarding != config.NAT }):
		return "local" // an answer to active data has the address of a real server, with nat
	}
	n.service = s
	var servers []string
	for _, r := range s.RealServers {
		to := port
		switch {
		case r.Port == 0 || r.Forwarding != config.NAT:
		case s.Timeout == 0, s.Mark == 0 && s.Address.Port() == port:
			to = r.Port
		}
		n.behind = append(n.behind, n.sent(r, to))
		servers = append(servers, fmt.Sprint(r.Address, to, r.Weight, r.Forwarding, n.behind[len(n.behind)-1]))
	}
	slices.Sort(servers)
	netmask := s.Netmask
	if s.Timeout == 0 {
		netmask = 0
	}
	flags := s.Flags
	if n.p.Protocol != 17 {
		flags &^= 4 // IP_VS_SVC_F_ONEPACKET
	}
	return fmt.Sprint(s.Scheduler, flags, s.Timeout, netmask, strings.Join(servers, " "))
}
