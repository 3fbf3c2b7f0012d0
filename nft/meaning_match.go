package nft

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
)

// Statements of lvsmark's rules.
var (
	accepting    = statement{name: "accept"}
	masquerading = statement{name: "masquerade"}
)

// markStatement sets the mark to the map's value for the key.
func markStatement(set *Set, key []source) statement {
	return statement{fmt.Sprintf("meta set %d", expr.MetaKeyMARK), operandOf(lookupBytes(set.Name, operandOf(key), 4))}
}

// verdictStatement applies the verdict map's value for the key.
func verdictStatement(set *Set, key []source) statement {
	return statement{"vmap @" + set.Name, operandOf(key)}
}

// snatStatement sets the source address to the map's value for the key.
func snatStatement(set *Set, key []source) statement {
	return statement{natStatement(expr.NATTypeSourceNAT), operandOf(lookupBytes(set.Name, operandOf(key), set.DataLen))}
}

// snatToOriginal sets the source address to the destination of the connection's first packet.
func snatToOriginal(f Family) statement {
	return statement{natStatement(expr.NATTypeSourceNAT), operandOf(originalBytes(f))}
}

func originalBytes(f Family) []source {
	sources := make([]source, addrLen(f))
	for i := range sources {
		sources[i] = source{kind: ctSource, base: uint32(originalDestination(f)), offset: uint32(i), mask: 0xff}
	}
	return sources
}

// markOf returns the fwmark before any statement of the rule.
func markOf() []source { return metaBytes(expr.MetaKeyMARK, 0, 4) }

// destinationOf and sourceOf return the addresses in the IPv4 header (RFC 791) or the IPv6
// header (RFC 8200).
func destinationOf(f Family) []source {
	return networkBytes(map[Family]uint32{IPv4: 16, IPv6: 24}[f], addrLen(f))
}

func sourceOf(f Family) []source {
	return networkBytes(map[Family]uint32{IPv4: 12, IPv6: 8}[f], addrLen(f))
}

func networkBytes(offset, length uint32) []source {
	return packetBytes(expr.PayloadBaseNetworkHeader, offset, length)
}

// Offsets of the ports in the headers of TCP (RFC 9293), UDP (RFC 768) and SCTP (RFC 9260).
const (
	sourcePort      = 0 // bytes
	destinationPort = 2
)

// cloneConditions returns a copy of the conditions for the take methods, which remove
// conditions from it.
func (s step) cloneConditions() conditions { return maps.Clone(s.conditions) }

// take removes a condition; false if there is none.
func (c conditions) take(one condition) bool {
	found := c[one]
	delete(c, one)
	return found
}

// takeSet removes the condition that the key is in a set of the table.
func (c conditions) takeSet(t *Table, key []source) (*Set, bool) { return c.takeLookup(t, key, false) }

// takeLookup removes the condition that the key is in a set of the table, or, with not, that
// it is not.
func (c conditions) takeLookup(t *Table, key []source, not bool) (*Set, bool) {
	of := operandOf(key)
	for one := range c {
		if one.of == of && one.set != "" && one.not == not {
			delete(c, one)
			set := t.Set(one.set)
			return set, set != nil
		}
	}
	return nil, false
}

// takeProtocol removes the condition that the packet has the protocol, or, with not, that
// it has another one.
func (c conditions) takeProtocol(p config.Protocol, not bool) bool {
	value := string([]byte{byte(p)})
	return c.take(condition{of: operandOf(metaBytes(expr.MetaKeyL4PROTO, 0, 1)), low: value, high: value, not: not})
}

// takePorts removes the conditions on the port at the offset and on the protocol. Without a
// condition on the protocol it returns the ports of each.
func (c conditions) takePorts(offset uint32) ([]config.PortRange, bool) {
	protocols := config.PortProtocols()
	for _, p := range protocols {
		if c.takeProtocol(p, false) {
			protocols = []config.Protocol{p}
			break
		}
	}
	low, high, ok := c.takeRange(packetBytes(expr.PayloadBaseTransportHeader, offset, 2))
	if !ok || !c.take(hasTransportHeader) {
		return nil, false
	}
	ports := make([]config.PortRange, len(protocols))
	for i, p := range protocols {
		ports[i] = config.PortRange{
			Protocol: p, Low: binary.BigEndian.Uint16([]byte(low)), High: binary.BigEndian.Uint16([]byte(high)),
		}
	}
	return ports, true
}

// takeRange removes the condition that the bytes are in a range or have one value.
func (c conditions) takeRange(of []source) (low, high string, ok bool) {
	all := operandOf(of)
	for one := range c {
		if one.of == all && one.isRange() && !one.not {
			delete(c, one)
			return one.low, one.high, true
		}
	}
	for _, s := range of {
		value, ok := c.takeByte(s)
		if !ok {
			return "", "", false
		}
		low += string([]byte{value})
	}
	return low, low, true
}

// takeByte removes the condition that a byte has one value.
func (c conditions) takeByte(s source) (byte, bool) {
	of := operandOf([]source{s})
	for one := range c {
		if one.of == of && one.isRange() && one.low == one.high && !one.not {
			delete(c, one)
			return one.low[0], true
		}
	}
	return 0, false
}

// takeNetwork removes the conditions that the destination is in a network. The network is
// invalid if there are none.
func (c conditions) takeNetwork(f Family) netip.Prefix {
	address, bits := make([]byte, addrLen(f)), 0
	for i, s := range destinationOf(f) {
		length := 8
		for ; length > 0; length-- {
			s.mask = 0xff << (8 - length)
			if value, ok := c.takeByte(s); ok {
				address[i] = value
				break
			}
		}
		bits += length
		if length < 8 {
			break
		}
	}
	first, _ := netip.AddrFromSlice(address)
	if bits == 0 {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(first, bits)
}
