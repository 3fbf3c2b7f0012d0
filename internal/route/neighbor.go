package route

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A Neighbor is an entry of the neighbor table, which `ip neigh` lists.
type Neighbor struct {
	Device  uint32
	Address netip.Addr
	State   uint16 // NUD_*, see rtnetlink(7)
}

// Neighbors returns the neighbor tables of both families.
func Neighbors() (neighbors []Neighbor, err error) {
	for range ruleTries {
		if neighbors, err = readNeighbors(); !errors.Is(err, netlink.ErrInterrupted) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list neighbors: %w", netlink.Explain(err))
	}
	return neighbors, nil
}

func readNeighbors() ([]Neighbor, error) {
	c, err := netlink.Dial(unix.NETLINK_ROUTE, netlink.Options{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	var neighbors []Neighbor
	for _, family := range config.Families() {
		header := make([]byte, unix.SizeofNdMsg)
		header[0] = familyNumber(family)
		for m, err := range c.Query(netlink.Request{Type: unix.RTM_GETNEIGH, Flags: unix.NLM_F_DUMP, Header: header}) {
			var n Neighbor
			if err == nil {
				n, err = decodeNeighbor(m)
			}
			if err != nil {
				return nil, err
			}
			neighbors = append(neighbors, n)
		}
	}
	return neighbors, nil
}

// decodeNeighbor decodes an RTM_NEWNEIGH message: struct ndmsg, then attributes.
func decodeNeighbor(m netlink.Message) (n Neighbor, err error) {
	attributes, err := m.Attributes(unix.SizeofNdMsg)
	if err != nil || m.Type != unix.RTM_NEWNEIGH {
		return n, netlink.ErrMalformed
	}
	n.Device, n.State = binary.NativeEndian.Uint32(m.Data[4:]), binary.NativeEndian.Uint16(m.Data[8:])
	d := netlink.Decode(attributes)
	for d.Next() {
		if d.Type() == unix.NDA_DST {
			n.Address, _ = netip.AddrFromSlice(d.Bytes())
		}
	}
	return n, d.Err()
}
