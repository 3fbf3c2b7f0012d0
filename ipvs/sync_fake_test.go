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

// TestSyncGroup: the attribute of the multicast group is that of its address family.
func TestSyncGroup(t *testing.T) {
	for group, want := range map[string]uint16{"224.0.0.81": daemonGroup, "ff02::81": daemonGroup6} {
		_, attributes, _ := netlink.FirstAttribute(appendDaemon(nil, Master, syncDaemon(group)))
		sent := map[uint16][]byte{}
		for typ, data := range netlink.Attributes(attributes) {
			if typ == daemonGroup || typ == daemonGroup6 {
				sent[typ] = data
			}
		}
		assert.Equal(t, map[uint16][]byte{want: netip.MustParseAddr(group).AsSlice()}, sent)
	}
}

// TestStopSync: a daemon that does not run is stopped; another refusal is an error.
func TestStopSync(t *testing.T) {
	for errno, want := range map[unix.Errno]string{0: "", unix.ESRCH: "", unix.EBUSY: "stop the backup sync daemon: device or resource busy"} {
		kernel := &fakeIPVS{}
		conn := kernel.conn(t)
		kernel.answered = func(netlink.Message) *netlink.Answer { return &netlink.Answer{Errno: errno} }
		for _, err := range []error{conn.StopSync(Backup), conn.SetSync(Backup, config.SyncOff)} {
			if want == "" {
				require.NoError(t, err)
			} else {
				require.EqualError(t, err, want)
			}
		}
	}
}

// TestSetSync: a daemon is stopped, twice, before it is started; it is not started if that fails.
func TestSetSync(t *testing.T) {
	kernel := &fakeIPVS{}
	conn := kernel.conn(t)
	require.Error(t, conn.SetSync(Master, "nonsense"))
	assert.Empty(t, kernel.requests)

	var errno unix.Errno
	kernel.answered = func(netlink.Message) *netlink.Answer { return &netlink.Answer{Errno: errno} }
	want := syncDaemon("224.0.0.81")
	require.NoError(t, conn.SetSync(Master, want.String()))
	assert.Equal(t, []uint8{cmdDelDaemon, cmdDelDaemon, cmdNewDaemon}, kernel.commands())
	state, started, err := decodeDaemon(kernel.requests[2].Data[netlink.GenericHeaderLen:])
	require.NoError(t, err)
	assert.Equal(t, Master, state)
	assert.Equal(t, want, started)

	kernel.requests, errno = nil, unix.EBUSY
	require.EqualError(t, conn.SetSync(Master, want.String()), "stop the master sync daemon: device or resource busy")
	assert.NotContains(t, kernel.commands(), uint8(cmdNewDaemon))
}

// TestSyncHint: a refused start has the probable cause, and wraps the errno.
func TestSyncHint(t *testing.T) {
	for errno, want := range map[unix.Errno]string{
		unix.ENODEV:        "no such device (the device does not exist)",
		unix.EEXIST:        "file exists (another process has started one)",
		unix.EADDRINUSE:    "address already in use (another program uses UDP port 8848: give another port)",
		unix.ENETUNREACH:   "network is unreachable (there is no route to 224.0.0.81: is the device up, and has it an address of that family?)",
		unix.EADDRNOTAVAIL: "cannot assign requested address (there is no route to 224.0.0.81: is the device up, and has it an address of that family?)",
		unix.EINVAL:        "invalid argument (the kernel refuses sync daemons while a real server has another address family than its service)",
		unix.ENOMEM:        "cannot allocate memory",
	} {
		kernel := &fakeIPVS{}
		conn := kernel.conn(t)
		kernel.answered = func(netlink.Message) *netlink.Answer { return &netlink.Answer{Errno: errno} }
		err := conn.StartSync(Master, syncDaemon("224.0.0.81"))
		require.ErrorIs(t, err, errno)
		assert.EqualError(t, err, "start the master sync daemon on eth1: "+want)
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
