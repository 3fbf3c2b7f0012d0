package equivalence

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// An Observer is a chain behind that which it watches: it records each packet
// with its mark in a set, and counts all.
type Observer struct {
	Name     string // of its table in each family
	Device   string // that the packets come in from; empty: the wire
	Priority int    // of its chain, in prerouting
	Then     string // what becomes of the packets, as nft writes it
	Size     int    // packets at the most
}

// Text is the observer as `nft -f` reads it; loaded again, it has seen nothing.
func (o Observer) Text() string {
	var b bytes.Buffer
	for _, family := range config.Families() {
		// The set has all its buckets from the start: one that grows under load
		// refuses packets. So do counters in its elements.
		fmt.Fprintf(&b, `table %[1]s %[2]s
delete table %[1]s %[2]s
table %[1]s %[2]s {
	counter passed {
	}
	set seen {
		typeof %[1]s daddr . meta l4proto . th dport . meta mark
		size %[3]d
		flags dynamic
	}
	chain observe {
		type filter hook prerouting priority %[4]d; policy accept;
		iifname != "%[5]s" return
		counter name passed
		add @seen { %[1]s daddr . meta l4proto . th dport . meta mark }
		%[6]s
	}
}
`, nftFamily(family), o.Name, max(o.Size, 16), o.Priority, cmp.Or(o.Device, receiver), o.Then)
	}
	return b.String()
}

func nftFamily(f config.Family) string {
	if f == config.IPv4 {
		return "ip"
	}
	return "ip6"
}

// A Sight is what an observer saw.
type Sight struct {
	Marks map[Packet]uint32
	All   uint64 // packets, those that came twice counted twice
}

// Seen reads what the observer in the namespace has seen. A packet that was seen
// with more than one mark is an error.
func (o Observer) Seen(n *Namespace) (Sight, error) {
	sight := Sight{Marks: make(map[Packet]uint32, o.Size)}
	err := n.Do(func() error {
		// A hash that the kernel resizes meanwhile may be read with gaps. Nothing is
		// ever deleted from it, so that what several readings find is there.
		const readings = 5
		for reading := 0; reading == 0 || reading < readings && uint64(len(sight.Marks)) < sight.All; reading++ {
			sight.All = 0
			for _, family := range config.Families() {
				if err := o.read(family, &sight); err != nil {
					return fmt.Errorf("observer %s %s: %w", nftFamily(family), o.Name, err)
				}
			}
		}
		return nil
	})
	return sight, err
}

func (o Observer) read(family config.Family, sight *Sight) error {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{MessageBufferSize: 64 << 10})
	if err != nil {
		return err
	}
	defer conn.Close()
	objects, err := o.dump(conn, family, unix.NFT_MSG_GETOBJ, nil)
	if err != nil {
		return err
	}
	for _, object := range objects {
		sight.All += counterPackets(object)
	}
	set := netlink.Attribute{Type: unix.NFTA_SET_ELEM_LIST_SET, Data: append([]byte("seen"), 0)}
	sets, err := o.dump(conn, family, unix.NFT_MSG_GETSETELEM, []netlink.Attribute{set})
	if err != nil {
		return err
	}
	for _, part := range sets {
		for element := range elements(part) {
			if err := sight.add(family, element); err != nil {
				return err
			}
		}
	}
	return nil
}

// dump asks for all objects of a kind in the observer's table. In each kind of
// request, attribute 1 is the name of the table.
func (o Observer) dump(conn *netlink.Conn, family config.Family, kind uint16, filter []netlink.Attribute) ([][]byte, error) {
	proto := byte(unix.NFPROTO_IPV4)
	if family == config.IPv6 {
		proto = unix.NFPROTO_IPV6
	}
	filter = append([]netlink.Attribute{{Type: 1, Data: append([]byte(o.Name), 0)}}, filter...)
	attributes, err := netlink.MarshalAttributes(filter)
	if err != nil {
		return nil, err
	}
	replies, err := conn.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind),
			Flags: netlink.Request | netlink.Dump,
		},
		Data: append([]byte{proto, unix.NFNETLINK_V0, 0, 0}, attributes...),
	})
	var bodies [][]byte
	for _, reply := range replies {
		if reply.Header.Flags&netlink.DumpInterrupted != 0 {
			return nil, fmt.Errorf("the ruleset changes while it is read")
		}
		bodies = append(bodies, reply.Data[4:])
	}
	return bodies, err
}

func (s *Sight) add(family config.Family, element []byte) error {
	packet, mark, err := decodeKey(family, element)
	if err != nil {
		return err
	}
	if other, twice := s.Marks[packet]; twice && other != mark {
		return fmt.Errorf("%s seen with mark %#x and with mark %#x", packet, other, mark)
	}
	s.Marks[packet] = mark
	return nil
}

// elements yields the content of each element of a dump's message.
func elements(b []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for typ, list := range attributes(b) {
			if typ != unix.NFTA_SET_ELEM_LIST_ELEMENTS {
				continue
			}
			for _, element := range attributes(list) {
				if !yield(element) {
					return
				}
			}
		}
	}
}

// attributes yields netlink attributes by type.
func attributes(b []byte) func(func(uint16, []byte) bool) {
	return func(yield func(uint16, []byte) bool) {
		d, err := netlink.NewAttributeDecoder(b)
		for err == nil && d.Next() && yield(d.Type(), d.Bytes()) {
		}
	}
}

// decodeKey reads the key of an element, each field of which is padded to 4
// bytes.
func decodeKey(family config.Family, element []byte) (p Packet, mark uint32, err error) {
	key := nested(nested(element, unix.NFTA_SET_ELEM_KEY), unix.NFTA_DATA_VALUE)
	width := family.Bits() / 8
	if len(key) != width+12 {
		return p, 0, fmt.Errorf("an element whose key has %d bytes", len(key))
	}
	p.To, _ = netip.AddrFromSlice(key[:width])
	p.Protocol = key[width]
	p.Port = binary.BigEndian.Uint16(key[width+4:])
	return p, binary.NativeEndian.Uint32(key[width+8:]), nil
}

// counterPackets reads an object that is a counter.
func counterPackets(object []byte) uint64 {
	const nftaObjData = 4
	if packets := nested(nested(object, nftaObjData), unix.NFTA_COUNTER_PACKETS); len(packets) == 8 {
		return binary.BigEndian.Uint64(packets)
	}
	return 0
}

// nested is the content of an attribute among others.
func nested(b []byte, typ uint16) []byte {
	for t, data := range attributes(b) {
		if t == typ {
			return data
		}
	}
	return nil
}

// Exactly is an error unless the observer saw these packets, each once, and no
// others.
func (s Sight) Exactly(packets []Packet) error {
	for _, p := range packets {
		if _, ok := s.Marks[p]; !ok {
			return fmt.Errorf("%s was not seen; %d packets were seen, %d sent", p, len(s.Marks), len(packets))
		}
	}
	if len(s.Marks) != len(packets) || s.All != uint64(len(packets)) {
		return fmt.Errorf("%d different packets were seen, %d in all, where %d were sent", len(s.Marks), s.All, len(packets))
	}
	return nil
}

// Count is the number of packets with each mark.
func (s Sight) Count() map[uint32]int {
	count := map[uint32]int{}
	for _, mark := range s.Marks {
		count[mark]++
	}
	return count
}
