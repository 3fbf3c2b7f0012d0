package impact

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestBackupOnly: a backup daemon with net.ipv4.vs.backup_only turns IPVS off, whichever of the two
// comes last. On a director that was a backup before, the connections are another director's.
func TestBackupOnly(t *testing.T) {
	const on, detail = "eth1 id 1 maxlen 1472 group 224.0.0.81 port 8848 ttl 1", "IPVS handles no packet on this director while its backup daemon runs"
	sysctl, start, stop := SettingChange{config.BackupOnlySysctl, "0", "1"}, SettingChange{config.SyncBackupSetting, config.SyncOff, on}, SettingChange{config.SyncMasterSetting, on, config.SyncOff}
	for _, c := range []struct {
		role, value string
		changes     []SettingChange
		want        []string
	}{
		{"backup", "1", []SettingChange{sysctl, stop}, []string{"cuts 3 connections: " + detail, "safe: the other director no longer gets new connections of this one: they end if it takes over"}},
		{"backup", "1", []SettingChange{sysctl, start}, []string{"cuts 3 connections: " + detail, "safe"}},
		{"backup", "1", []SettingChange{start}, []string{"cuts 3 connections: " + detail}},
		{"backup", "1", []SettingChange{sysctl}, []string{"drains: " + detail}},
		{"backup", "0", []SettingChange{{config.BackupOnlySysctl, "1", "0"}, start}, []string{"safe", "safe"}},
		{"master", "1", []SettingChange{sysctl}, []string{"safe"}},
	} {
		spec := parse(t, `clusters: [{name: web, mark: 80, vips: [198.51.100.80], ports: [80], real-servers: [{address: 10.0.0.11}]}]
director: {sysctls: {net.ipv4.vs.backup_only: `+c.value+`}, sync: {role: `+c.role+`, device: eth1, id: 1}}
`)
		services := ipvs.Compile(spec)
		services[0].Destinations[0].Connections.Active = 3
		a := newAnalyzer(Input{Spec: spec, Before: State{Services: services}, Changes: Changes{Settings: c.changes}})
		for i, change := range c.changes {
			assert.Equal(t, c.want[i], a.setting(change).String(), "%s %s: %v", c.role, c.value, change)
		}
	}
}
