// Package nftname has the names and the value formats of nft(8), as nft 1.0.6 lists them:
// fields of headers and options, keys of meta and ct, and symbolic constants.
package nftname

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// A Kind is a data type of nft(8), "DATA TYPES". It formats values as they are in registers.
type Kind uint8

// The data types. A value is in network byte order, unless the type says otherwise.
const (
	Raw            Kind = iota // unknown: hexadecimal
	Number                     // integer
	HostNumber                 // integer in host byte order
	Service                    // port
	Hex                        // integer in hexadecimal
	Address                    // IPv4 or IPv6 by its length
	Hardware                   // Ethernet address
	String                     // quoted
	InterfaceName              // quoted; without a NUL it ends in a wildcard
	InterfaceIndex             // host byte order
	DeviceGroup                // host byte order
	Mark                       // host byte order
	ClassID                    // of tc: host byte order
	Duration                   // milliseconds in host byte order
	Date                       // nanoseconds since 1970 in host byte order
	Hour                       // seconds since midnight UTC in host byte order
	Label                      // bits of conntrack labels
	EtherType                  //
	Protocol                   // of IP
	NFProto                    //
	Boolean                    // exists, missing: host byte order
	Day                        //
	PacketType                 //
	DeviceType                 // host byte order
	FIBType                    // host byte order
	DSCP                       //
	ECN                        //
	ARPOperation               //
	ICMPType                   //
	ICMPCode                   //
	ICMPv6Type                 //
	ICMPv6Code                 //
	IGMPType                   //
	DCCPType                   //
	MHType                     //
	Direction                  //
	TCPFlags                   //
	CTState                    // host byte order
	CTStatus                   // host byte order
	CTEvent                    // host byte order
)

// inHostOrder are the types with values in host byte order.
var inHostOrder = []Kind{
	HostNumber, Boolean, InterfaceIndex, DeviceGroup, Mark, ClassID, Duration, Date, Hour, DeviceType, FIBType, CTState, CTStatus, CTEvent,
}

// IsHostOrder reports whether values are in host byte order.
func (k Kind) IsHostOrder() bool { return slices.Contains(inHostOrder, k) }

// Size returns the number of bytes of a value in a set or a register. It is 4 for addresses,
// as for IPv4, and for integers.
func (k Kind) Size() int {
	switch k {
	case InterfaceName, String, Label:
		return 16 // as IFNAMSIZ
	case Date:
		return 8
	case Hardware:
		return 6
	case EtherType, DeviceType, ARPOperation, Service:
		return 2
	case Protocol, NFProto, Boolean, Day, PacketType, DSCP, ECN, ICMPType, ICMPCode, ICMPv6Type, ICMPv6Code, IGMPType, DCCPType, MHType,
		Direction, TCPFlags:
		return 1
	}
	return 4
}

// HasPrefixes reports whether nft writes a mask of leading bits as a prefix length.
func (k Kind) HasPrefixes() bool { return k == Address || k == Mark || k == DeviceGroup }

// Text formats a value.
func (k Kind) Text(value []byte) string {
	switch k {
	case Address:
		if a, ok := netip.AddrFromSlice(value); ok {
			return a.String()
		}
	case Hardware:
		return net.HardwareAddr(value).String()
	case String, InterfaceName:
		return k.quoted(value)
	case Label:
		return strings.Join(labels(value), ",")
	case Raw:
		return hex(value)
	default:
		return k.ofNumber(value)
	}
	return hex(value)
}

// Numeric formats an end of a range, for which nft prints no names.
func (k Kind) Numeric(value []byte) string {
	n, ok := k.number(value)
	switch {
	case ok && k != InterfaceIndex && (symbols[k] != nil || flags[k] != nil):
		return fmt.Sprint(n)
	case ok && k == Duration:
		return fmt.Sprintf("%ds", n/1000)
	}
	return k.Text(value)
}

// ofNumber formats a value that is a number.
func (k Kind) ofNumber(value []byte) string {
	n, ok := k.number(value)
	if !ok {
		if k == Number {
			return new(big.Int).SetBytes(value).String()
		}
		return hex(value)
	}
	if name, ok := symbols[k][n]; ok {
		return name
	}
	if list, ok := k.Flags(n); ok {
		return strings.Join(list, ",")
	}
	if format, ok := unnamed[k]; ok {
		return fmt.Sprintf(format, n)
	}
	return k.measure(n)
}

// unnamed are the formats of numbers without a name; others are decimal.
var unnamed = map[Kind]string{
	Hex: "0x%x", Mark: "0x%08x", DSCP: "0x%02x", ECN: "0x%02x", EtherType: "0x%04x", TCPFlags: "0x%x", CTState: "0x%x", CTStatus: "0x%x",
	CTEvent: "0x%x", DCCPType: "0x%x",
}

// measure formats times and handles of tc.
func (k Kind) measure(n uint64) string {
	switch k {
	case Duration:
		return DurationText(n)
	case Date:
		return time.Unix(0, int64(n)).Format(`"` + time.DateTime + `"`)
	case Hour:
		_, offset := time.Now().Zone()
		return hourText((int(n)%secondsPerDay + offset + secondsPerDay) % secondsPerDay)
	case ClassID:
		return classText(uint32(n))
	}
	return fmt.Sprint(n)
}

// number returns a value of at most 8 bytes.
func (k Kind) number(value []byte) (uint64, bool) {
	if len(value) == 0 || len(value) > 8 {
		return 0, false
	}
	b := slices.Clone(value)
	if k.IsHostOrder() {
		b = Reversed(b)
	}
	return binary.BigEndian.Uint64(append(make([]byte, 8-len(b)), b...)), true
}

// Reversed converts a value between host and network byte order.
func Reversed(value []byte) []byte {
	b := slices.Clone(value)
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		slices.Reverse(b)
	}
	return b
}

// quoted formats text. The name of an interface without a NUL is the beginning of names.
func (k Kind) quoted(value []byte) string {
	text := strings.TrimRight(string(value), "\x00")
	if k == InterfaceName && len(text) == len(value) && len(value) < 16 {
		text += "*"
	}
	return fmt.Sprintf("%q", text)
}

// hex formats a value in hexadecimal, in groups of two digits if it is not a number.
func hex(value []byte) string {
	if len(value) > 16 {
		return fmt.Sprintf("0x%x", value)
	}
	return fmt.Sprintf("%#x", new(big.Int).SetBytes(value))
}

// labels returns the numbers of the bits that are set. The kernel keeps labels in words of
// host byte order.
func labels(value []byte) (list []string) {
	for i, b := range value {
		for bit := range 8 {
			if b>>bit&1 != 0 {
				list = append(list, fmt.Sprint(i*8+bit))
			}
		}
	}
	return list
}

const secondsPerDay = 24 * 60 * 60

func hourText(seconds int) string {
	if seconds%60 != 0 {
		return fmt.Sprintf(`"%02d:%02d:%02d"`, seconds/3600, seconds/60%60, seconds%60)
	}
	return fmt.Sprintf(`"%02d:%02d"`, seconds/3600, seconds/60%60)
}

func classText(handle uint32) string {
	major, minor := handle>>16, handle&0xffff
	switch handle {
	case 0:
		return "none"
	case 1<<32 - 1:
		return "root"
	}
	return fmt.Sprintf("%x:%x", major, minor)
}

// DurationText formats milliseconds: "1h30m".
func DurationText(milliseconds uint64) string {
	var b strings.Builder
	for _, unit := range []struct {
		length uint64
		name   string
	}{{24 * 60 * 60 * 1000, "d"}, {60 * 60 * 1000, "h"}, {60 * 1000, "m"}, {1000, "s"}, {1, "ms"}} {
		if n := milliseconds / unit.length; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			milliseconds %= unit.length
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}
