// Package hostaddr manages the VIP addresses on the devices of a director: it compiles
// them from a spec, and lists, adds and deletes addresses by route netlink.
//
// All functions use the network namespace of the calling thread. A caller that has entered
// a namespace must have locked its OS thread.
package hostaddr

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// Protocol is the address protocol of the addresses that Add adds (IFA_PROTO, since Linux
// 5.18). `ip address` shows it as "proto 0x4c". Linux itself uses 1 to 3
// (linux/if_addr.h), and no routing daemon in iproute2's rt_protos has 76.
const Protocol = 76

// ErrProtocol reports that the kernel does not store Protocol, so that a later delete
// could not distinguish lvsmark's addresses from others.
var ErrProtocol = errors.New("this kernel does not store the protocol of an address, which needs Linux 5.18 or later;" +
	" add the VIP to the device by other means and remove \"vip-device\" from the spec")

// An Address is a VIP on a device.
type Address struct {
	Device string
	IP     netip.Addr
}

// String returns, for example, "198.51.100.21 on eth0".
func (a Address) String() string { return fmt.Sprintf("%s on %s", a.IP, a.Device) }

// A Local is an address in the kernel.
type Local struct {
	Address
	Prefix int  // prefix length; 32 or 128 if added by Add
	Ours   bool // added by Add
}

// Read returns all addresses of all devices, in the order of the kernel. It retries up to
// a hundred times if addresses change during the dump.
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
			continue // added or deleted between the two lists
		}
		addresses = append(addresses, Local{
			Address: Address{Device: name, IP: a.local},
			Prefix:  int(a.prefix),
			Ours:    a.protocol == Protocol,
		})
	}
	return addresses, nil
}
