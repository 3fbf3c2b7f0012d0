// Package hostaddr is the VIP addresses of a director on its devices: it compiles a spec
// to them, reads those of the kernel, adds and deletes them over route netlink.
//
// Everything works in the network namespace of the calling thread, so a caller that has
// entered a namespace must have locked its OS thread.
package hostaddr

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Protocol marks the addresses that Add made: the kernel keeps it with the address
// (IFA_PROTO, since Linux 5.18) and lists it; `ip address` shows "proto 0x4c". Linux
// itself uses 1 to 3 (linux/if_addr.h), and no routing daemon in iproute2's rt_protos
// has 76.
const Protocol = 76

// ErrProtocol says that the kernel does not keep Protocol: a later delete could not tell
// an address of ours from others.
var ErrProtocol = errors.New("this kernel does not keep the protocol of an address, which Linux 5.18 and later do;" +
	" put the VIP on the device by other means and leave out \"vip-device\"")

// An Address is a VIP on a device.
type Address struct {
	Device string
	IP     netip.Addr
}

// String is as in "198.51.100.21 on eth0".
func (a Address) String() string { return fmt.Sprintf("%s on %s", a.IP, a.Device) }

// A Local is an address that a device has.
type Local struct {
	Address
	Prefix int  // length of the prefix: Add makes 32 and 128
	Ours   bool // Add made it
}

// Read returns all addresses of all devices, in the order of the kernel. It starts anew,
// up to a hundred times, when addresses change meanwhile.
func Read() ([]Local, error) {
	devices, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network devices: %w", err)
	}
	names := make(map[uint32]string, len(devices))
	for _, device := range devices {
		names[uint32(device.Index)] = device.Name
	}
	dumped, err := dump()
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	var addresses []Local
	for _, a := range dumped {
		name, ok := names[a.device]
		if !ok {
			continue // the device came or went between the two lists
		}
		addresses = append(addresses, Local{
			Address: Address{Device: name, IP: a.local},
			Prefix:  int(a.prefix),
			Ours:    a.protocol == Protocol,
		})
	}
	return addresses, nil
}
