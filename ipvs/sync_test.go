package ipvs_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/ipvs"
)

func randomDaemon(r *rand.Rand) config.SyncDaemon {
	d := config.SyncDaemon{
		Device: "sync0", ID: uint32(r.IntN(256)), MaxLen: uint16(1024 + r.IntN(64_000)),
		Group: netip.AddrFrom4([4]byte{224, 0, byte(r.IntN(256)), byte(r.IntN(256))}), Port: uint16(1 + r.IntN(65535)), TTL: uint8(1 + r.IntN(255)),
	}
	if r.IntN(3) == 0 {
		d.Group = netip.MustParseAddr(fmt.Sprintf("ff02::%x", 1+r.IntN(65535)))
	}
	return d
}

// TestSyncDaemons starts random daemons with this package and with ipvsadm. Each lists those
// of the other.
func TestSyncDaemons(t *testing.T) {
	withSyncDevice(t, func() {
		conn := open(t)
		r := rand.New(rand.NewPCG(1, 2))
		for range 12 {
			for _, state := range []ipvs.SyncState{ipvs.Master, ipvs.Backup} {
				want := randomDaemon(r)
				require.NoError(t, conn.StartSync(state, want), want)
				listed := fmt.Sprintf("%s sync daemon (mcast=%s, syncid=%d, maxlen=%d, group=%s, port=%d, ttl=%d)\n",
					state, want.Device, want.ID, want.MaxLen, want.Group, want.Port, want.TTL)
				assert.Contains(t, scratch.Run(t, "", "ipvsadm", "-l", "--daemon"), listed)
				assertDaemon(t, conn, state, &want)
				require.NoError(t, conn.StopSync(state))
				assertDaemon(t, conn, state, nil)

				role := map[ipvs.SyncState]config.SyncRole{ipvs.Master: config.SyncMaster, ipvs.Backup: config.SyncBackup}[state]
				lines := ipvs.SyncText(&config.Sync{Role: role, SyncDaemon: want})
				require.Len(t, lines, 1)
				scratch.Run(t, "", "ipvsadm", strings.Fields(lines[0])...)
				assertDaemon(t, conn, state, &want)
			}
			assert.Equal(t, 2, strings.Count(scratch.Run(t, "", "ipvsadm", "-l", "--daemon"), "sync daemon"))
			require.NoError(t, conn.StopSync(ipvs.Master))
			require.NoError(t, conn.StopSync(ipvs.Backup))
			require.NoError(t, conn.StopSync(ipvs.Backup), "none runs")
		}
	})
}

// withSyncDevice runs f in a network namespace with the device sync0, which has addresses of both
// families.
func withSyncDevice(t *testing.T, f func()) {
	t.Helper()
	withIPVS(t, func() {
		addSyncDevice(t)
		f()
	})
}

func addSyncDevice(t *testing.T) {
	t.Helper()
	scratch.Run(t, "", "ip", "link", "add", "sync0", "type", "veth", "peer", "name", "sync1")
	scratch.Run(t, "", "ip", "link", "set", "sync1", "up")
	scratch.Run(t, "", "ip", "link", "set", "sync0", "up")
	scratch.Run(t, "", "ip", "address", "add", "192.0.2.1/24", "dev", "sync0")
	scratch.Run(t, "", "ip", "address", "add", "2001:db8::1/64", "dev", "sync0", "nodad")
}

func assertDaemon(t *testing.T, conn *ipvs.Conn, state ipvs.SyncState, want *config.SyncDaemon) {
	t.Helper()
	got, err := conn.SyncDaemon(state)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// TestSyncLimits: the kernel uses the limits and defaults that package config checks.
func TestSyncLimits(t *testing.T) {
	withSyncDevice(t, func() {
		conn := open(t)
		daemon := func(change func(*config.SyncDaemon)) config.SyncDaemon {
			d := config.SyncDaemon{Device: "sync0", ID: 1, MaxLen: 1472, Group: config.DefaultSyncGroup(), Port: 8848, TTL: 1}
			change(&d)
			return d
		}
		for want, d := range map[error]config.SyncDaemon{
			unix.ENODEV: daemon(func(d *config.SyncDaemon) { d.Device = "eth9" }),
			unix.EINVAL: daemon(func(d *config.SyncDaemon) { d.Group = netip.MustParseAddr("192.0.2.1") }),
		} {
			assert.ErrorIs(t, conn.StartSync(ipvs.Backup, d), want)
		}
		for _, c := range []struct {
			state           ipvs.SyncState
			group           string
			length, clamped uint16
		}{
			{ipvs.Master, "224.0.0.81", 1, 1},
			{ipvs.Master, "224.0.0.81", 65508, 65507},
			{ipvs.Backup, "224.0.0.81", 1023, 1024},
			{ipvs.Backup, "ff02::81", 65488, 65487},
			{ipvs.Master, "224.0.0.81", 0, 1472},
			{ipvs.Master, "ff02::81", 0, 1452},
		} {
			d := daemon(func(d *config.SyncDaemon) { d.Group, d.MaxLen = netip.MustParseAddr(c.group), c.length })
			require.NoError(t, conn.StartSync(c.state, d))
			assert.ErrorIs(t, conn.StartSync(c.state, d), unix.EEXIST)
			d.MaxLen = c.clamped
			assertDaemon(t, conn, c.state, &d)
			require.NoError(t, conn.StopSync(c.state), c)
		}
		d := daemon(func(d *config.SyncDaemon) { d.Port, d.TTL = 0, 0 })
		require.NoError(t, conn.StartSync(ipvs.Master, d))
		d.Port, d.TTL = config.DefaultSyncPort, config.DefaultSyncTTL
		assertDaemon(t, conn, ipvs.Master, &d)
	})
}
