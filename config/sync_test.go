package config

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSyncSettings: each role has its daemons, with the defaults of the kernel.
func TestSyncSettings(t *testing.T) {
	const standard = "eth1 id 1 maxlen 1472 group 224.0.0.81 port 8848 ttl 1"
	for _, c := range []struct {
		sync string
		want []Setting
	}{
		{"{role: master, device: eth1, id: 1}", []Setting{{SyncMasterSetting, standard}}},
		{"{role: backup, device: eth1, id: 1}", []Setting{{SyncBackupSetting, standard}}},
		{"{role: both, device: eth1, id: 1}", []Setting{{SyncBackupSetting, standard}, {SyncMasterSetting, standard}}},
		{`{role: master, device: eth1, id: 0, group: "ff02::81"}`, []Setting{{SyncMasterSetting, "eth1 id 0 maxlen 1452 group ff02::81 port 8848 ttl 1"}}},
		{"{role: master, device: eth1, id: 255, maxlen: 1, port: 65535, ttl: 255}", []Setting{{SyncMasterSetting, "eth1 id 255 maxlen 1 group 224.0.0.81 port 65535 ttl 255"}}},
	} {
		spec, notes := parseValid(t, oneCluster("ports: [80]", "forwarding: direct")+"director: {sync: "+c.sync+"}\n")
		assert.Equal(t, c.want, spec.Settings())
		assert.Empty(t, notes)
		for _, s := range c.want {
			daemon, err := ParseSyncDaemon(s.Value)
			require.NoError(t, err)
			assert.Equal(t, spec.Director.Sync.SyncDaemon, daemon)
		}
	}
}

// TestSyncDaemonFitsLedger: the longest daemon fits into a comment of the ledger.
func TestSyncDaemonFitsLedger(t *testing.T) {
	longest := SyncDaemon{"eth012345678901", 255, 65507, netip.MustParseAddr("ff0e:1111:2222:3333:4444:5555:6666:7777"), 65535, 255}
	assert.Less(t, len(SyncMasterSetting+longest.String()), sysctlLimit)
	_, err := ParseSyncDaemon(SyncOff)
	assert.ErrorContains(t, err, `"off" is not a sync daemon`)
}

// TestSyncOfKeepalived: keepalived starts the daemons if it owns IPVS.
func TestSyncOfKeepalived(t *testing.T) {
	spec, _ := parseValid(t, oneCluster("ports: [80]", "forwarding: direct")+
		"director: {bind: false, sync: {role: both, device: eth1, id: 1}, vrrp: {device: eth0, router-id: 51, priority: 150, peers: [192.0.2.2]}, sysctls: {net.ipv4.vs.backup_only: 1}}\n")
	assert.Equal(t, []Setting{{BackupOnlySysctl, "1"}}, spec.Settings())
}

// TestLoopbackNoted: no other director receives what is sent by the loopback device.
func TestLoopbackNoted(t *testing.T) {
	for keys, noted := range map[string]int{
		"sync: {role: both, device: lo, id: 1}":                                  1,
		"sync: {role: both, device: lo0, id: 1}":                                 0,
		"vrrp: {device: lo, router-id: 51, priority: 150, peers: [192.0.2.2]}":   1,
		"vrrp: {device: eth0, router-id: 51, priority: 150, peers: [192.0.2.2]}": 0,
	} {
		_, notes := parseValid(t, oneCluster("ports: [80]", "forwarding: direct")+"director: {"+keys+"}\n")
		require.Len(t, notes, noted, keys)
		for _, note := range notes {
			assert.Contains(t, note, "device lo is the loopback device")
		}
	}
}

// TestBackupOnlyNoted: a director that is a backup only serves nothing with backup_only.
func TestBackupOnlyNoted(t *testing.T) {
	for keys, noted := range map[string]int{
		"role: backup, device: eth1, id: 1}, sysctls: {net.ipv4.vs.backup_only: 1": 1,
		"role: backup, device: eth1, id: 1}, sysctls: {net.ipv4.vs.backup_only: 0": 0,
		"role: master, device: eth1, id: 1}, sysctls: {net.ipv4.vs.backup_only: 1": 0,
	} {
		spec, notes := parseValid(t, oneCluster("ports: [80]", "forwarding: direct")+"director: {sync: {"+keys+"}}\n")
		assert.Len(t, notes, noted, keys)
		assert.Equal(t, noted > 0, spec.Director.IsBackupOnly(), keys)
		if noted > 0 {
			assert.Contains(t, notes[0], "with sync role: backup (line ")
		}
	}
}

// TestDirectorsAsServers: a real server that is the other director is noted, unless its
// packets get no mark.
func TestDirectorsAsServers(t *testing.T) {
	const director = "director: {vrrp: {device: eth0, router-id: 51, priority: 150, peers: [10.0.0.1]}}\n"
	_, notes := parseValid(t, oneCluster("ports: [80]", "forwarding: direct")+director)
	require.Len(t, notes, 1)
	assert.Contains(t, notes[0], "f:5:30: real server 10.0.0.1 is also a director (line 8)")
	_, notes = parseValid(t, oneCluster("ports: [80]", "forwarding: direct", `only: {except-macs: ["02:00:00:00:00:02"]}`)+director)
	assert.Empty(t, notes)
}
