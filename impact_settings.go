package lvsmark

import (
	"fmt"

	"github.com/lvsmark/lvsmark/config"
)

func (j *analyzer) settingChanges(list []settingChange) []Change {
	changes := make([]Change, len(list))
	for i, s := range list {
		changes[i] = Change{
			Op: Edit, Kind: "setting", Before: s.name + " = " + s.before, After: s.name + " = " + s.after,
			Impact: j.settingImpact(s),
		}
	}
	return changes
}

// forwardingSysctls are those that turn forwarding off, each for a family.
func forwardingSysctls() map[string]config.Family {
	return map[string]config.Family{
		"net.ipv4.ip_forward":          config.IPv4,
		"net.ipv4.conf.all.forwarding": config.IPv4,
		"net.ipv6.conf.all.forwarding": config.IPv6,
	}
}

// settingImpact knows forwarding alone, which the replies of real servers behind
// nat need. What other sysctls of a spec do, it cannot know.
func (j *analyzer) settingImpact(s settingChange) Impact {
	family, ok := forwardingSysctls()[s.name]
	if !ok || s.after != "0" {
		return Impact{Effect: Safe}
	}
	impact, translated := Impact{Effect: Safe}, 0
	for key, servers := range j.served {
		if key.Family != family {
			continue
		}
		for _, server := range servers {
			if server.Forwarding == config.NAT && server.RawForwarding == 0 && !j.leaving[key][server.Endpoint()] {
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
