package exact

import "encoding/binary"

// Keys of equal objects are bytes.

func appendInt(b []byte, n int) []byte { return binary.LittleEndian.AppendUint32(b, uint32(n)) }

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
