package equivalence

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/exact"
)

// A lan is an Ethernet device in a namespace: it gives packets the link-layer sender that the
// test chooses.
type lan struct {
	tap int
	mac []byte
}

// lanOf adds the device `wire` to a new namespace.
func lanOf(t *testing.T, n *Namespace) *lan {
	t.Helper()
	l := &lan{}
	require.NoError(t, n.Do(func() error {
		var err error
		if l.tap, err = openTUN(); err != nil {
			return err
		}
		request, err := unix.NewIfreq(receiver)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(l.tap, unix.TUNSETIFF, request); err != nil {
			return err
		}
		link, err := netlink.LinkByName(receiver)
		if err != nil {
			return err
		}
		l.mac = link.Attrs().HardwareAddr
		return netlink.LinkSetUp(link)
	}))
	t.Cleanup(func() { require.NoError(t, unix.Close(l.tap)) })
	return l
}

// send writes packets to the device. The number of each is its IP identification, or its flow
// label in IPv6.
func (l *lan) send(packets []exact.Packet) error {
	for i, p := range packets {
		ip := ipPacket(p, i+1)
		frame := append(append([]byte{}, l.mac...), 2, 0, 0, 0, 0, byte(p.MAC.Low))
		frame = binary.BigEndian.AppendUint16(frame, map[bool]uint16{true: unix.ETH_P_IP, false: unix.ETH_P_IPV6}[p.To.Addr().Is4()])
		if _, err := unix.Write(l.tap, append(frame, ip...)); err != nil {
			return fmt.Errorf("sending %s: %w", p, err)
		}
	}
	return nil
}

func ipPacket(p exact.Packet, number int) []byte {
	from, to := p.From.Addr(), p.To.Addr()
	transport := Packet{to, p.Protocol, p.To.Port()}.transport()
	binary.BigEndian.PutUint16(transport, p.From.Port())
	if p.Protocol == unix.IPPROTO_TCP {
		transport[13] = p.Flags
	}
	pseudo := append(append(from.AsSlice(), to.AsSlice()...), 0, p.Protocol, 0, byte(len(transport)))
	binary.BigEndian.PutUint16(transport[Packet{Protocol: p.Protocol}.checksumOffset():], checksum(pseudo, transport))
	header := []byte{0x60, 0, 0, 0, 0, byte(len(transport)), p.Protocol, 64}
	binary.BigEndian.PutUint16(header[2:], uint16(number))
	if to.Is4() {
		header = []byte{0x45, 0, 0, byte(20 + len(transport)), 0, 0, 0x40, 0, 64, p.Protocol, 0, 0}
		binary.BigEndian.PutUint16(header[4:], uint16(number))
		header = append(append(header, from.AsSlice()...), to.AsSlice()...)
		binary.BigEndian.PutUint16(header[10:], checksum(header))
		return append(header, transport...)
	}
	return append(append(append(header, from.AsSlice()...), to.AsSlice()...), transport...)
}

// An arrival is a packet as IPVS would see it.
type arrival struct {
	mark uint32
	to   netip.AddrPort
}

// recorder is a chain right ahead of IPVS that records packets and drops them, so that no
// connection is left in the connection tracking.
func recorder(f config.Family) string {
	family, number := "ip", "ip id"
	if f == config.IPv6 {
		family, number = "ip6", "ip6 flowlabel"
	}
	return fmt.Sprintf(`table %[1]s recorder {
	set seen {
		typeof %[2]s . meta mark . %[1]s daddr . th dport
		size 65535
		flags dynamic
	}
	chain record {
		type filter hook input priority 98; policy accept;
		iifname != "%[3]s" return
		add @seen { %[2]s . meta mark . %[1]s daddr . th dport } drop
		drop
	}
}
`, family, number, receiver)
}

// arrivals returns what the recorder has seen, by the number of the packet.
func arrivals(t *testing.T, n *Namespace, f config.Family) map[int]arrival {
	t.Helper()
	family := nftFamily(f)
	text, err := n.Run("", "nft", "-j", "list", "set", family, "recorder", "seen")
	require.NoError(t, err)
	var list struct {
		NFTables []struct {
			Set *struct {
				Elem []struct{ Concat []any }
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	seen := map[int]arrival{}
	for _, object := range list.NFTables {
		if object.Set == nil {
			continue
		}
		for _, e := range object.Set.Elem {
			number := int(e.Concat[0].(float64))
			require.NotContains(t, seen, number)
			to := netip.AddrPortFrom(netip.MustParseAddr(e.Concat[2].(string)), uint16(e.Concat[3].(float64)))
			seen[number] = arrival{uint32(e.Concat[1].(float64)), to}
		}
	}
	return seen
}
