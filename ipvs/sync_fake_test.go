package ipvs

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

func syncDaemon(group string) config.SyncDaemon {
	return config.SyncDaemon{Device: "eth1", ID: 7, MaxLen: 1472, Group: netip.MustParseAddr(group), Port: 8848, TTL: 3}
}

// withDaemons returns a connection to a kernel that has these sync daemons.
func withDaemons(t *testing.T, daemons map[SyncState]config.SyncDaemon) *Conn {
	t.Helper()
	kernel := &fakeIPVS{}
	conn := kernel.conn(t)
	kernel.answered = func(m netlink.Message) *netlink.Answer {
		require.Equal(t, uint8(cmdGetDaemon), m.Data[0])
		var a netlink.Answer
		for state, d := range daemons {
			a.Objects = append(a.Objects, fakeObjects(fakeFamily, appendDaemon(nil, state, d)).Objects...)
		}
		return &a
	}
	return conn
}

// TestSyncSetting: the daemon of each state is read as the kernel lists it; a missing one is off.
func TestSyncSetting(t *testing.T) {
	master, backup := syncDaemon("224.0.0.81"), syncDaemon("ff02::81")
	conn := withDaemons(t, map[SyncState]config.SyncDaemon{Master: master, Backup: backup})
	for state, want := range map[SyncState]config.SyncDaemon{Master: master, Backup: backup} {
		got, err := conn.SyncDaemon(state)
		require.NoError(t, err)
		assert.Equal(t, &want, got)
		setting, err := conn.SyncSetting(state)
		require.NoError(t, err)
		assert.Equal(t, want.String(), setting)
	}
	conn = withDaemons(t, map[SyncState]config.SyncDaemon{Backup: backup})
	setting, err := conn.SyncSetting(Master)
	require.NoError(t, err)
	assert.Equal(t, config.SyncOff, setting)
	got, err := conn.SyncDaemon(Master)
	require.NoError(t, err)
	assert.Nil(t, got)
}

// TestSyncErrors: a refusal of the kernel and a malformed daemon are errors.
func TestSyncErrors(t *testing.T) {
	for _, answer := range []netlink.Answer{
		{Errno: unix.EPERM},
		fakeObjects(fakeFamily, netlink.AppendNested(nil, attrDaemon, func(b []byte) []byte { return netlink.AppendUint16(b, daemonID, 1) })),
	} {
		kernel := &fakeIPVS{}
		conn := kernel.conn(t)
		kernel.answered = func(netlink.Message) *netlink.Answer { return &answer }
		_, err := conn.SyncSetting(Master)
		assert.ErrorContains(t, err, "read the master sync daemon: ")
	}
}

// TestSyncText: the role master or backup is one command of ipvsadm, both are two.
func TestSyncText(t *testing.T) {
	const master = "--start-daemon master --mcast-interface eth1 --syncid 7 --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 3"
	const backup = "--start-daemon backup --mcast-interface eth1 --syncid 7 --sync-maxlen 1472 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 3"
	for role, want := range map[config.SyncRole][]string{
		config.SyncMaster: {master}, config.SyncBackup: {backup}, config.SyncBoth: {master, backup},
	} {
		assert.Equal(t, want, SyncText(&config.Sync{Role: role, SyncDaemon: syncDaemon("224.0.0.81")}))
	}
	assert.Nil(t, SyncText(nil))
}
