package nft

import (
	"encoding/binary"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// uint32Of reads a number of 4 bytes in network byte order.
func uint32Of[T netlink.Content](b T) uint32 { return binary.BigEndian.Uint32([]byte(b)) }

// hostOrdered reads one in host byte order.
func hostOrdered[T netlink.Content](b T) uint32 { return binary.NativeEndian.Uint32([]byte(b)) }
