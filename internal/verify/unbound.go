package verify

import (
	"fmt"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// otherServices are services that another program binds to the marks: with director.bind
// false, if the old side has none. So the marks are compared, by their numbers.
func otherServices(old *oldconfig.Config, spec *config.Spec) []*oldconfig.Service {
	var list []*oldconfig.Service
	known := map[oldconfig.Family]map[uint32]bool{config.IPv4: {}, config.IPv6: {}}
	add := func(f oldconfig.Family, mark uint32) {
		if mark != 0 && !known[f][mark] {
			known[f][mark] = true
			text := fmt.Sprintf("the service of another program for fwmark %d", mark)
			list = append(list, &oldconfig.Service{
				Family: f, Mark: mark, Scheduler: fmt.Sprintf("of fwmark %d", mark), Netmask: f.Bits(), Line: oldconfig.Line{Text: text},
				RealServers: []oldconfig.RealServer{{Destination: unknownServer(f)}},
			})
		}
	}
	for _, f := range config.Families() {
		for _, b := range spec.Bindings(f) {
			add(f, b.Mark)
		}
	}
	for _, c := range old.Chains {
		for _, r := range c.Rules {
			for part := r; part != nil; part = part.Then {
				for _, a := range part.Actions {
					if a.Kind == oldconfig.SetMark {
						add(c.Family, a.Xor)
					}
					for _, m := range a.SetMarkByAddr {
						add(c.Family, m.Mark)
					}
				}
			}
		}
	}
	return list
}

func unknownServer(f oldconfig.Family) ipvs.Destination {
	address := netip.IPv4Unspecified()
	if f == config.IPv6 {
		address = netip.IPv6Unspecified()
	}
	return ipvs.Destination{Address: address, Weight: 1, Forwarding: config.Direct}
}
