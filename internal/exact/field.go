package exact

import (
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A field is a property of a packet that is the same at all rules. The mark, the mark of
// the connection and its state are not: rules change them.
type field uint8

// Fields in the order in which packets to VIPs are divided: fields that divide the rules
// most come first, except for two that have few values.
const (
	protocol field = iota
	tcpFlags
	destination
	destinationPort
	source
	sourcePort
	inDevice
	outDevice
	sourceMAC
	sourceType
	fields
)

// A uses is what rules depend on, and what they do.
type uses uint32

func (u uses) has(f field) bool { return u&(1<<f) != 0 }

func of(f field) uses { return 1 << f }

func (u uses) drops() bool { return u&drops != 0 }

// Further bits of uses.
const (
	testsState uses = 1 << (iota + fields)
	testsMark
	drops   // or does something that is not known
	unknown // tests or does something that is not known
)

// fieldOf returns the field of a model's field; false: it is none.
func fieldOf(f oldconfig.Field) (field, bool) {
	switch f {
	case oldconfig.Protocol:
		return protocol, true
	case oldconfig.Source:
		return source, true
	case oldconfig.Destination:
		return destination, true
	case oldconfig.SourcePort:
		return sourcePort, true
	case oldconfig.DestinationPort:
		return destinationPort, true
	case oldconfig.InDevice:
		return inDevice, true
	case oldconfig.OutDevice:
		return outDevice, true
	case oldconfig.SourceMAC:
		return sourceMAC, true
	case oldconfig.TCPFlags:
		return tcpFlags, true
	case oldconfig.SourceType:
		return sourceType, true
	}
	return 0, false
}

// domain is the range of all values of a field.
func domain(f field, family oldconfig.Family, devices int) oldconfig.Range {
	switch f {
	case source, destination:
		return maximum(family.Bits())
	case sourcePort, destinationPort:
		return maximum(16)
	case inDevice, outDevice:
		return oldconfig.Range{High: number(uint64(devices))}
	case sourceMAC:
		return maximum(48)
	case sourceType:
		return maximum(2)
	}
	return maximum(8)
}
