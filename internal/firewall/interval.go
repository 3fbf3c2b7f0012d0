package firewall

import (
	"bytes"
	"encoding/binary"
)

// An interval is a range of values of the same length, including both ends, in the
// order of memcmp, as the kernel compares.
type interval struct{ low, high []byte }

// contains reports whether the first bytes of the value are in the interval.
func (i interval) contains(value []byte) bool {
	return len(value) >= len(i.low) && bytes.Compare(i.low, value[:len(i.low)]) <= 0 && bytes.Compare(value[:len(i.high)], i.high) <= 0
}

func (i interval) empty() bool { return bytes.Compare(i.low, i.high) > 0 }

// portInterval returns the interval of ports in network byte order.
func portInterval(low, high uint16) interval {
	return interval{binary.BigEndian.AppendUint16(nil, low), binary.BigEndian.AppendUint16(nil, high)}
}

// ports returns the ports of an interval of two-byte values.
func (i interval) ports() (low, high uint16) {
	return binary.BigEndian.Uint16(i.low), binary.BigEndian.Uint16(i.high)
}

// filled returns n bytes of the same value.
func filled(n int, with byte) []byte { return bytes.Repeat([]byte{with}, n) }
