package exact

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A Packet is one packet.
type Packet struct {
	Protocol uint8 // IPPROTO_*
	From, To netip.AddrPort
	Flags    uint8            // of TCP
	State    int              // number of the bit oldconfig.State*
	Device   string           // it comes in by; "": one that no rule names
	Out      string           // it leaves by; likewise
	MAC      oldconfig.Number // of the sender
	FromType int              // number of the bit oldconfig.AddrType* of the source
}

// String returns, for example, "tcp 192.0.2.1:40000 -> 198.51.100.21:21 (SYN)".
func (p Packet) String() string {
	text := fmt.Sprintf("%s %s -> %s", protocolName(p.Protocol), p.From, p.To)
	var notes []string
	if p.Protocol == 6 && p.Flags != SYN {
		notes = append(notes, "flags "+flagNames(p.Flags))
	}
	if p.Device != "" {
		notes = append(notes, "in by "+p.Device)
	}
	if p.Out != "" {
		notes = append(notes, "out by "+p.Out)
	}
	if p.MAC != (oldconfig.Number{}) {
		notes = append(notes, "from "+macText(p.MAC))
	}
	if p.State != stateNew {
		notes = append(notes, "state "+[]string{"NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"}[p.State])
	}
	if p.FromType != Unicast {
		notes = append(notes, "source of type "+[]string{"local", "broadcast", "multicast", "unicast"}[p.FromType])
	}
	if notes != nil {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	return text
}

// Unicast is Packet.FromType of an address of another host.
const Unicast = 3 // AddrTypeOther

func protocolName(p uint8) string {
	switch p {
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 132:
		return "sctp"
	}
	return fmt.Sprintf("protocol %d", p)
}

func flagNames(flags uint8) string {
	var list []string
	for bit, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} {
		if flags>>bit&1 != 0 {
			list = append(list, name)
		}
	}
	if list == nil {
		return "none"
	}
	return strings.Join(list, "+")
}

func macText(n oldconfig.Number) string {
	text := hex.EncodeToString([]byte{byte(n.Low >> 40), byte(n.Low >> 32), byte(n.Low >> 24), byte(n.Low >> 16), byte(n.Low >> 8), byte(n.Low)})
	var pairs []string
	for i := 0; i < len(text); i += 2 {
		pairs = append(pairs, text[i:i+2])
	}
	return strings.Join(pairs, ":")
}

// rangeText writes addresses; a number of 32 bits or less is one of IPv4.
func rangeText(r oldconfig.Range) string {
	family := oldconfig.Family(6)
	if r.High.High == 0 && r.High.Low <= 0xffffffff {
		family = 4
	}
	if r.Low == r.High {
		return address(r.Low, family).String()
	}
	return address(r.Low, family).String() + "-" + address(r.High, family).String()
}

// values returns the values of the packet's fields.
func (p Packet) values(d *devices) (v [fields]oldconfig.Number) {
	v[protocol], v[tcpFlags] = number(uint64(p.Protocol)), number(uint64(p.Flags))
	v[source], v[destination] = addressNumber(p.From.Addr()), addressNumber(p.To.Addr())
	v[sourcePort], v[destinationPort] = number(uint64(p.From.Port())), number(uint64(p.To.Port()))
	v[inDevice], v[outDevice] = d.number(p.Device), d.number(p.Out)
	v[sourceMAC], v[sourceType] = p.MAC, number(uint64(p.FromType))
	return v
}

// packetOf returns a packet with these values.
func packetOf(v [fields]oldconfig.Number, family oldconfig.Family, d *devices, state int) Packet {
	return Packet{
		Protocol: uint8(v[protocol].Low), Flags: uint8(v[tcpFlags].Low), State: state,
		From:   netip.AddrPortFrom(address(v[source], family), uint16(v[sourcePort].Low)),
		To:     netip.AddrPortFrom(address(v[destination], family), uint16(v[destinationPort].Low)),
		Device: d.name(int(v[inDevice].Low)), Out: d.name(int(v[outDevice].Low)),
		MAC: v[sourceMAC], FromType: int(v[sourceType].Low),
	}
}

// A Step is what a rule does to a packet.
type Step struct {
	Rule   *oldconfig.Rule // nil: the policy of a base chain
	Hook   oldconfig.Hook
	Effect string // continues "the rule …": "sets the mark to 21"
	Policy bool
	Sent   bool // on the way from IPVS to a real server
}
