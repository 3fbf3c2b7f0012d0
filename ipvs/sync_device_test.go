package ipvs_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestSyncFault deletes the device of running daemons, and creates one of the same name. Only
// the IPv4 group and one of IPv6 that leaves the link hide the device of a master.
func TestSyncFault(t *testing.T) {
	for group, tells := range map[string]bool{"224.0.0.81": false, "ff02::81": true, "ff05::81": false} {
		withSyncDevice(t, func() {
			conn := open(t)
			daemon := config.SyncDaemon{Device: "sync0", ID: 1, MaxLen: 1452, Group: netip.MustParseAddr(group), Port: 8848, TTL: 1}
			faults := func(master, backup string) {
				t.Helper()
				assert.Equal(t, master, conn.SyncFault(ipvs.Master, daemon), group)
				assert.Equal(t, backup, conn.SyncFault(ipvs.Backup, daemon), group)
			}
			start := func(states ...ipvs.SyncState) {
				t.Helper()
				for _, state := range states {
					require.NoError(t, conn.StopSync(state))
					require.NoError(t, conn.StartSync(state, daemon))
				}
			}
			scratch.Run(t, "", "sysctl", "-qw", "net.ipv4.vs.sync_ports=2")
			start(ipvs.Master, ipvs.Backup)
			faults("", "")
			old := deviceIndex(t)
			scratch.Run(t, "", "ip", "link", "del", "sync0")
			const missing = "device sync0 does not exist"
			faults(missing, missing)

			addSyncDevice(t)
			now := deviceIndex(t)
			require.NotEqual(t, old, now)
			is := fmt.Sprintf("sockets belong to the device with index %d, and sync0 has index %d now", old, now)
			if tells {
				faults("its "+is, "its "+is)
			} else {
				faults("the backup daemon's "+is+"; the kernel does not tell it of the master's", "its "+is)
			}
			start(ipvs.Backup)
			if tells {
				faults("its "+is, "")
			} else {
				faults("", "")
			}
			start(ipvs.Master)
			faults("", "")
		})
	}
}

func deviceIndex(t *testing.T) int {
	t.Helper()
	device, err := net.InterfaceByName("sync0")
	require.NoError(t, err)
	return device.Index
}
