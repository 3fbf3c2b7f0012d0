package impact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
)

// TestSync: a change of a sync daemon is safe, and says what the other director misses.
func TestSync(t *testing.T) {
	const on = "eth1 id 1 maxlen 1472 group 224.0.0.81 port 8848 ttl 1"
	const restarted = "the daemon is restarted: what is sent meanwhile is lost, until the connections are sent again"
	edit := func(old, value string) string { return strings.Replace(on, old, value, 1) }
	for _, c := range []struct{ name, before, after, detail string }{
		{config.SyncMasterSetting, config.SyncOff, on, ""},
		{config.SyncMasterSetting, on, config.SyncOff, "the other director no longer gets new connections of this one: they end if it takes over"},
		{config.SyncBackupSetting, on, config.SyncOff, "connections of the other director are no longer received: new ones end if this one takes over"},
		{config.SyncMasterSetting, on, edit("id 1", "id 2"), restarted + "; a backup with id 1 ignores it: set id 2 on the other director too"},
		{config.SyncMasterSetting, on, edit("eth1", "eth2"), restarted + "; it is sent to 224.0.0.81 port 8848 on eth2: the other director must receive there"},
		{config.SyncMasterSetting, on, edit("maxlen 1472", "maxlen 4000"), restarted + "; messages have up to 4000 bytes: a backup with a smaller maxlen drops larger ones"},
		{config.SyncMasterSetting, on, edit("maxlen 1472", "maxlen 500"), restarted},
		{config.SyncMasterSetting, edit("ttl 1", "ttl 3"), on, restarted + "; messages pass 0 routers at most"},
		{config.SyncBackupSetting, on, edit("id 1", "id 2"), restarted + "; only connections of masters with id 2 are received"},
		{config.SyncBackupSetting, on, edit("id 1", "id 0"), restarted + "; connections of masters with any id are received"},
		{config.SyncBackupSetting, on, edit("eth1", "eth2"), restarted + "; only what is sent to 224.0.0.81 port 8848 on eth2 is received"},
		{config.SyncBackupSetting, on, edit("8848", "8900"), restarted + "; only what is sent to 224.0.0.81 port 8900 on eth1 is received"},
		{config.SyncBackupSetting, on, edit("0.81", "0.82"), restarted + "; only what is sent to 224.0.0.82 port 8848 on eth1 is received"},
		{config.SyncBackupSetting, on, edit("maxlen 1472", "maxlen 1400"), restarted + "; messages of more than 1400 bytes are dropped"},
		{config.SyncBackupSetting, on, edit("maxlen 1472", "maxlen 4000"), restarted},
		{config.SyncBackupSetting, "a value of another version", on, restarted},
	} {
		assert.Equal(t, Impact{Effect: Safe, Detail: c.detail}, (&analyzer{}).setting(SettingChange{Name: c.name, Before: c.before, After: c.after}))
	}
}

// TestSysctlOfDaemons: a daemon reads some sysctls when it starts only.
func TestSysctlOfDaemons(t *testing.T) {
	const yaml = `clusters: [{name: web, mark: 80, vips: [198.51.100.80], ports: [80], real-servers: [{address: 10.0.0.11}]}]
director: {sync: {role: both, device: eth1, id: 1}}
`
	ports := SettingChange{Name: config.SyncPortsSysctl, Before: "1", After: "4"}
	changed := func(name string) SettingChange {
		return SettingChange{Name: name, Before: config.SyncOff, After: "eth1 id 1 maxlen 1472 group 224.0.0.81 port 8848 ttl 1"}
	}
	impact := func(yaml string, change SettingChange, others ...SettingChange) Impact {
		a := &analyzer{}
		a.Spec, a.Changes.Settings = parse(t, yaml), append(others, change)
		return a.setting(change)
	}
	assert.Equal(t, Impact{Effect: Safe, Detail: "has no effect on running sync daemons: run ipvsadm --stop-daemon backup, ipvsadm --stop-daemon master, and apply again"}, impact(yaml, ports))
	assert.Equal(t, Impact{Effect: Safe, Detail: "has no effect on running sync daemons: run ipvsadm --stop-daemon master, and apply again"},
		impact(yaml, SettingChange{Name: "net.ipv4.vs.sync_sock_size", Before: "0", After: "100000"}, changed(config.SyncBackupSetting)))
	assert.Equal(t, Impact{Effect: Safe}, impact(yaml, ports, changed(config.SyncBackupSetting), changed(config.SyncMasterSetting)), "both are started")
	assert.Equal(t, Impact{Effect: Safe}, impact(yaml, SettingChange{Name: "net.ipv4.vs.sync_qlen_max", Before: "1", After: "4"}))
	assert.Equal(t, Impact{Effect: Safe}, impact(strings.Replace(yaml, "director: {sync: {role: both, device: eth1, id: 1}}", "", 1), ports), "no daemon")
	assert.Equal(t, Impact{Effect: Safe}, (&analyzer{}).setting(ports), "delete")
}
