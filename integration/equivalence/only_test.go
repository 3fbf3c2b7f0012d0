package equivalence

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
)

// TestOnly sends Ethernet frames of several senders by two devices: only those that meet the
// conditions get the mark of a cluster, and all others that of the cluster without only.
func TestOnly(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "ip", "nft")
	const (
		vip4, vip6    = "198.51.100.21", "2001:db8::21"
		other, friend = "02:00:00:00:00:02", "02:00:00:00:00:03"
	)
	for name, c := range map[string]struct {
		only string
		want map[string]uint32 // by device and sender
	}{
		"senders":            {`{except-macs: ["` + other + `", "02:00:00:00:00:09"]}`, map[string]uint32{"wan0 " + other: 80, "wan0 " + friend: 21, "wan1 " + other: 80, "wan1 " + friend: 21}},
		"devices":            {`{devices: [wan1, wan7]}`, map[string]uint32{"wan0 " + other: 80, "wan0 " + friend: 80, "wan1 " + other: 21, "wan1 " + friend: 21}},
		"sources":            {`{sources: [203.0.113.0/24, "2001:db8:c00::/40"]}`, map[string]uint32{"wan0 " + other: 21, "wan0 " + friend: 21, "wan1 " + other: 21, "wan1 " + friend: 21}},
		"other sources":      {`{sources: [203.0.112.0/24, "2001:db8:d00::/40"]}`, map[string]uint32{"wan0 " + other: 80, "wan0 " + friend: 80, "wan1 " + other: 80, "wan1 " + friend: 80}},
		"single sources":     {`{sources: [203.0.113.9, "2001:db8:c00::9"]}`, map[string]uint32{"wan0 " + other: 21, "wan0 " + friend: 21, "wan1 " + other: 21, "wan1 " + friend: 21}},
		"all of them":        {`{sources: [203.0.113.9, "2001:db8:c00::9"], devices: [wan0], except-macs: ["` + other + `"]}`, map[string]uint32{"wan0 " + other: 80, "wan0 " + friend: 21, "wan1 " + other: 80, "wan1 " + friend: 80}},
		"all but the source": {`{sources: [10.0.0.0/8, "fd00::/8"], devices: [wan0], except-macs: ["` + other + `"]}`, map[string]uint32{"wan0 " + other: 80, "wan0 " + friend: 80, "wan1 " + other: 80, "wan1 " + friend: 80}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNamespace(t)
			spec, _, err := config.Parse("spec.yaml", strings.NewReader(fmt.Sprintf(`
clusters:
  - {name: some, mark: 21, vips: [%[1]s, %[2]q], only: %[3]s, ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
  - {name: rest, mark: 80, vips: [%[1]s, %[2]q], ports: [21, 10000-20000], real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
`, vip4, vip6, c.only)))
			require.NoError(t, err)
			require.NoError(t, n.Commit(spec))
			for _, device := range []string{"wan0", "wan1"} {
				peer := "peer" + device[3:]
				run(t, n, "ip link add "+device+" address 02:00:00:00:00:01 type veth peer name "+peer, "ip link set "+device+" up", "ip link set "+peer+" up")
				for _, sender := range []string{other, friend} {
					packets := []Packet{{netip.MustParseAddr(vip4), unix.IPPROTO_TCP, 21}, {netip.MustParseAddr(vip6), unix.IPPROTO_TCP, 15000}}
					o := Observer{Name: "observer", Device: device, Priority: afterMangle, Then: "drop", Size: len(packets)}
					require.NoError(t, n.Load(o.Text()))
					require.NoError(t, n.Do(func() error { return sendFrames(peer, sender, packets) }))
					sight := seenAll(t, n, o, packets)
					want := map[Packet]uint32{}
					for _, p := range packets {
						want[p] = c.want[device+" "+sender]
					}
					got := map[Packet]uint32{}
					for _, p := range packets { // the kernel sends packets of its own, for example for IPv6
						if mark, seen := sight.Marks[p]; seen {
							got[p] = mark
						}
					}
					assert.Equal(t, want, got, "%s %s", device, sender)
				}
			}
		})
	}
}

// seenAll reads the record of the observer until it has all packets, for at most a minute: the
// kernel may leave received frames to a thread (ksoftirqd), which waits for the processor.
func seenAll(t *testing.T, n *Namespace, o Observer, packets []Packet) Observation {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		sight, err := o.Seen(n)
		require.NoError(t, err)
		missing := slices.ContainsFunc(packets, func(p Packet) bool { _, seen := sight.Marks[p]; return !seen })
		if !missing || time.Now().After(end) {
			return sight
		}
	}
}

func run(t *testing.T, n *Namespace, commands ...string) {
	t.Helper()
	for _, command := range commands {
		words := strings.Fields(command)
		_, err := n.Run("", words[0], words[1:]...)
		require.NoError(t, err, command)
	}
}

// sendFrames sends packets in Ethernet frames by a device of the thread's namespace.
func sendFrames(device, sender string, packets []Packet) error {
	link, err := net.InterfaceByName(device)
	if err != nil {
		return err
	}
	socket, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	from, err := net.ParseMAC(sender)
	if err != nil {
		return err
	}
	for _, p := range packets {
		etherType := []byte{0x08, 0x00}
		if p.To.Is6() {
			etherType = []byte{0x86, 0xdd}
		}
		frame := append(append([]byte{0x02, 0, 0, 0, 0, 0x01}, from...), etherType...)
		if err := unix.Sendto(socket, p.AppendIP(frame), 0, &unix.SockaddrLinklayer{Ifindex: link.Index}); err != nil {
			return err
		}
	}
	return nil
}
