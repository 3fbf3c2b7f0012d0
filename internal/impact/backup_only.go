package impact

import (
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// startsBackupOnly reports whether the change is the last one after which
// net.ipv4.vs.backup_only turns IPVS off (ip_vs_in of net/netfilter/ipvs/ip_vs_core.c): the
// sysctl, or a backup daemon that starts where the sysctl is set already.
func (a *analyzer) startsBackupOnly(s SettingChange) bool {
	if a.Spec == nil || !a.Spec.Director.IsBackupOnly() {
		return false
	}
	if s.Name == config.BackupOnlySysctl {
		return s.Before == "0"
	}
	return s.Name == config.SyncBackupSetting && s.Before == config.SyncOff && !a.changes(config.BackupOnlySysctl)
}

func (a *analyzer) changes(name string) bool {
	return slices.ContainsFunc(a.Changes.Settings, func(s SettingChange) bool { return s.Name == name })
}

// backupOnly returns the impact of net.ipv4.vs.backup_only. On a director that was a backup
// before, the connections are those that it has received: another director serves them.
func (a *analyzer) backupOnly() Impact {
	impact := Impact{Effect: Drains, Detail: "IPVS handles no packet on this director while its backup daemon runs"}
	if !a.changes(config.SyncBackupSetting) && !a.changes(config.SyncMasterSetting) {
		return impact
	}
	for key, servers := range a.servers {
		for _, server := range servers {
			if !a.removed[key][server.Endpoint()] {
				impact.Connections += int(server.Connections.Active)
			}
		}
	}
	if impact.Connections > 0 {
		impact.Effect = Cuts
	}
	return impact
}
