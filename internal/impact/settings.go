package impact

import (
	"fmt"

	"github.com/lvsmark/lvsmark/config"
)

// forwardingSysctls are the sysctls that turn forwarding off, each for a family.
func forwardingSysctls() map[string]config.Family {
	return map[string]config.Family{
		"net.ipv4.ip_forward":          config.IPv4,
		"net.ipv4.conf.all.forwarding": config.IPv4,
		"net.ipv6.conf.all.forwarding": config.IPv6,
	}
}

// setting knows forwarding only, which the replies of real servers behind nat need.
// It does not know what other sysctls of a spec do.
func (a *analyzer) setting(s SettingChange) Impact {
	family, ok := forwardingSysctls()[s.Name]
	if !ok || s.After != "0" {
		return Impact{Effect: Safe}
	}
	impact, translated := Impact{Effect: Safe}, 0
	for key, servers := range a.servers {
		if key.Family != family {
			continue
		}
		for _, server := range servers {
			if server.Forwarding == config.NAT && server.RawForwarding == 0 && !a.removed[key][server.Endpoint()] {
				translated++
				impact.Connections += int(server.Connections.Active)
			}
		}
	}
	if translated == 0 {
		return impact
	}
	impact.Effect = Drains
	if impact.Connections > 0 {
		impact.Effect = Cuts
	}
	impact.Detail = fmt.Sprintf("replies of %d real servers behind nat are no longer forwarded", translated)
	return impact
}
