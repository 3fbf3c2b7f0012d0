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

// An Observer is a chain after the observed chains: it counts packets, and records
// each packet with its mark in a set.
type Observer struct {
	Name     string // of its table in each family
	Device   string // input device of the packets; empty: the wire
	Priority int    // of its chain, in prerouting
	Then     string // final statement of the rule, in nft syntax
	Size     int    // maximum number of packets
}

// Text returns the observer for `nft -f`. Loading it again clears its records.
func (o Observer) Text() string {
	var b bytes.Buffer
	for _, family := range config.Families() {
		// The set has its final size from the start: a set that grows under load loses
		// packets, and so does a set with counters in its elements.
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

// An Observation is the record of an observer.
type Observation struct {
	Marks map[Packet]uint32
	All   uint64 // number of packets, duplicates included
}

// Seen reads the record of the observer in the namespace. It returns an error if a
// packet had several marks.
func (o Observer) Seen(n *Namespace) (Observation, error) {
	sight := Observation{Marks: make(map[Packet]uint32, o.Size)}
	err := n.Do(func() error {
		// A dump can miss elements while the kernel resizes the hash. No element is ever
		// deleted, so the union of several dumps is correct.
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

func (o Observer) read(family config.Family, sight *Observation) error {
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

// dump requests all objects of a kind in the observer's table. In each kind of
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
			return nil, fmt.Errorf("the ruleset changed during the dump")
		}
		bodies = append(bodies, reply.Data[4:])
	}
	return bodies, err
}

func (s *Observation) add(family config.Family, element []byte) error {
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

// elements yields the content of each element in a message of a dump.
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

// decodeKey decodes the key of an element. Each field is padded to 4 bytes.
func decodeKey(family config.Family, element []byte) (p Packet, mark uint32, err error) {
	key := nested(nested(element, unix.NFTA_SET_ELEM_KEY), unix.NFTA_DATA_VALUE)
	width := family.Bits() / 8
	if len(key) != width+12 {
		return p, 0, fmt.Errorf("the key of an element has %d bytes", len(key))
	}
	p.To, _ = netip.AddrFromSlice(key[:width])
	p.Protocol = key[width]
	p.Port = binary.BigEndian.Uint16(key[width+4:])
	return p, binary.NativeEndian.Uint32(key[width+8:]), nil
}

// counterPackets returns the number of packets of a counter object.
func counterPackets(object []byte) uint64 {
	const nftaObjData = 4
	if packets := nested(nested(object, nftaObjData), unix.NFTA_COUNTER_PACKETS); len(packets) == 8 {
		return binary.BigEndian.Uint64(packets)
	}
	return 0
}

// nested returns the content of the first attribute of a type.
func nested(b []byte, typ uint16) []byte {
	for t, data := range attributes(b) {
		if t == typ {
			return data
		}
	}
	return nil
}

// CheckExactly returns an error unless the observer saw exactly these packets, each
// once.
func (s Observation) CheckExactly(packets []Packet) error {
	for _, p := range packets {
		if _, ok := s.Marks[p]; !ok {
			return fmt.Errorf("%s was not seen; %d packets were seen, %d sent", p, len(s.Marks), len(packets))
		}
	}
	if len(s.Marks) != len(packets) || s.All != uint64(len(packets)) {
		return fmt.Errorf("%d different packets were seen, %d in total; %d were sent", len(s.Marks), s.All, len(packets))
	}
	return nil
}

// Count returns the number of packets with each mark.
func (s Observation) Count() map[uint32]int {
	count := map[uint32]int{}
	for _, mark := range s.Marks {
		count[mark]++
	}
	return count
}
