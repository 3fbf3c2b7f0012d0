package equivalence

import (
	"encoding/binary"
	"net/netip"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
)

// TestWithoutPorts sends packets without ports to the VIP: later fragments (not
// reassembled, since there is no connection tracking) and truncated segments. Rules
// must not mark them by their other fields. In a later fragment, most kernels read the
// port from the payload (nft_payload_fast_eval); here it is 0.
func TestWithoutPorts(t *testing.T) {
	need.NFTables(t)
	t.Parallel()
	lvsmark := newProgram(t)
	for _, f := range families() {
		t.Run(f.family.String(), func(t *testing.T) {
			need.Programs(t, "nft")
			site := newSite(t)
			lvsmark.apply(t, site.Namespace, `
clusters:
  - {name: ftp, mark: 21, vips: ["`+f.vip+`"], ftp: , forwarding: direct, real-servers: [{address: "`+f.server+`"}]}
director: {bind: false}
`)
			vip := netip.MustParseAddr(f.vip)
			for _, c := range []struct {
				name   string
				packet []byte
				marked string
			}{
				{"whole", segment(vip, 15000), "1"},
				{"the first fragment", fragment(segment(vip, 15000), 0), "1"},
				{"another fragment", fragment(segment(vip, 0), 8), "0"},
				{"truncated after the ports", truncate(segment(vip, 15000), 4), "1"},
				{"truncated inside the ports", truncate(segment(vip, 15000), 3), "0"},
				{"truncated before the ports", truncate(segment(vip, 15000), 0), "0"},
			} {
				assert.Equal(t, c.marked, countMarked(t, site, c.packet), c.name)
			}
		})
	}
}

// TestAllPortsWithoutPorts: a cluster with every port also has the packets without ports.
func TestAllPortsWithoutPorts(t *testing.T) {
	need.NFTables(t)
	t.Parallel()
	lvsmark := newProgram(t)
	for _, f := range families() {
		t.Run(f.family.String(), func(t *testing.T) {
			need.Programs(t, "nft")
			site := newSite(t)
			lvsmark.apply(t, site.Namespace, `
clusters:
  - {name: rest, mark: 21, vips: ["`+f.vip+`"], ports: [all], real-servers: [{address: "`+f.server+`"}]}
  - {name: web, mark: 80, vips: ["`+f.vip+`"], ports: [80], real-servers: [{address: "`+f.server+`"}]}
director: {bind: false}
`)
			vip := netip.MustParseAddr(f.vip)
			for _, c := range []struct {
				name   string
				packet []byte
				marked string
			}{
				{"TCP", segment(vip, 15000), "1"},
				{"TCP of the other cluster", segment(vip, 80), "0"},
				{"UDP", Packet{To: vip, Protocol: unix.IPPROTO_UDP, Port: 80}.AppendIP(nil), "1"},
				{"SCTP", Packet{To: vip, Protocol: unix.IPPROTO_SCTP, Port: 80}.AppendIP(nil), "1"},
				{"ESP", Packet{To: vip, Protocol: unix.IPPROTO_ESP, Port: 80}.AppendIP(nil), "1"},
				{"another fragment", fragment(segment(vip, 0), 8), "1"},
				{"truncated before the ports", truncate(segment(vip, 80), 0), "1"},
				{"another address", segment(vip.Next(), 15000), "0"},
			} {
				assert.Equal(t, c.marked, countMarked(t, site, c.packet), c.name)
			}
		})
	}
}

func segment(to netip.Addr, port uint16) []byte {
	return Packet{To: to, Protocol: unix.IPPROTO_TCP, Port: port}.AppendIP(nil)
}

// headerLen returns the length of the packet's IP header.
func headerLen(packet []byte) int {
	if packet[0]>>4 == 4 {
		return 20
	}
	return 40
}

// fragment turns the packet into a fragment at an offset, a multiple of 8 bytes, that
// is not the last one.
func fragment(packet []byte, offset uint16) []byte {
	const more = 1
	if headerLen(packet) == 20 { // RFC 791
		binary.BigEndian.PutUint16(packet[6:], more<<13|offset/8)
		return withChecksum(packet)
	}
	header := []byte{packet[6], 0, 0, more, 0, 0, 0, 7} // RFC 8200, 4.5
	binary.BigEndian.PutUint16(header[2:], offset|more)
	packet[6] = unix.IPPROTO_FRAGMENT
	binary.BigEndian.PutUint16(packet[4:], uint16(len(packet)-40+len(header)))
	return append(packet[:40:40], append(header, packet[40:]...)...)
}

// truncate shortens the packet to length bytes after the IP header.
func truncate(packet []byte, length int) []byte {
	packet = packet[:headerLen(packet)+length]
	if headerLen(packet) == 20 {
		binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
		return withChecksum(packet)
	}
	binary.BigEndian.PutUint16(packet[4:], uint16(length))
	return packet
}

// withChecksum sets the header checksum of an IPv4 packet.
func withChecksum(packet []byte) []byte {
	packet[10], packet[11] = 0, 0
	binary.BigEndian.PutUint16(packet[10:], checksum(packet[:20]))
	return packet
}

// countMarked sends the packet and returns, as text, how many times it arrived with
// the cluster's mark.
func countMarked(t *testing.T, s *Site, packet []byte) string {
	t.Helper()
	const table = `table inet counted {
	counter seen { }
	counter marked { }
	chain count {
		type filter hook prerouting priority -149; policy drop;
		iifname "` + receiver + `" counter name seen meta mark 21 counter name marked
	}
}
`
	require.NoError(t, s.Load("add table inet counted\ndelete table inet counted\n"+table))
	_, err := unix.Write(s.wire.tun, packet)
	require.NoError(t, err)
	counters, err := s.Run("", "nft", "list", "counters", "table", "inet", "counted")
	require.NoError(t, err)
	packets := regexp.MustCompile(`packets (\d+)`).FindAllStringSubmatch(counters, -1)
	require.Len(t, packets, 2, counters)
	require.Equal(t, "1", packets[0][1], "seen")
	return packets[1][1]
}
