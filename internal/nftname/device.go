package nftname

import (
	"encoding/binary"
	"fmt"
)

// Devices are the names of network devices by index; an index without a device has an empty
// name.
type Devices map[uint32]string

// Add looks up all 4-byte words of a value that may be an index: in both byte orders, and the
// one before, because the end of an interval is the index after its last one.
func (d Devices) Add(value []byte, name func(index uint32) string) {
	for ; len(value) >= 4; value = value[4:] {
		ordered := binary.BigEndian.Uint32(value)
		for _, index := range []uint32{binary.NativeEndian.Uint32(value), ordered, ordered - 1} {
			if _, known := d[index]; !known {
				d[index] = name(index)
			}
		}
	}
}

// Text formats a value as k.Text, but an index as the name of the device, if there is one.
func (d Devices) Text(k Kind, value []byte) string {
	if k == InterfaceIndex && len(value) == 4 {
		if name := d[binary.NativeEndian.Uint32(value)]; name != "" {
			return fmt.Sprintf("%q", name)
		}
	}
	return k.Text(value)
}

// Numeric formats an end of a range as k.Numeric, but an index as Text does: nft prints names
// of devices there too.
func (d Devices) Numeric(k Kind, value []byte) string {
	if k == InterfaceIndex {
		return d.Text(k, value)
	}
	return k.Numeric(value)
}
