package impact

import (
	"fmt"

	"github.com/lvsmark/lvsmark/config"
)

// forwardingSysctls returns the sysctls that can disable forwarding, by name.
func forwardingSysctls() map[string]config.Family {
	return map[string]config.Family{
		"net.ipv4.ip_forward":          config.IPv4,
		"net.ipv4.conf.all.forwarding": config.IPv4,
		"net.ipv6.conf.all.forwarding": config.IPv6,
	}
}

// setting returns the impact of a changed setting. Forwarding has one, because replies of real
// servers behind nat need it, and what turns IPVS off; other sysctls are taken as safe.
func (a *analyzer) setting(s SettingChange) Impact {
	if a.startsBackupOnly(s) {
		return a.backupOnly()
	}
	if config.IsSyncSetting(s.Name) {
		return Impact{Effect: Safe, Detail: syncDetail(s)}
	}
	if detail := a.daemonsKeep(s.Name); detail != "" {
		return Impact{Effect: Safe, Detail: detail}
	}
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
	servers := "1 real server"
	if translated > 1 {
		servers = fmt.Sprintf("%d real servers", translated)
	}
	impact.Detail = "replies of " + servers + " behind nat are no longer forwarded"
	return impact
}
