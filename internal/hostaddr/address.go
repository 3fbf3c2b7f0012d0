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

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// Protocol is the address protocol of the addresses that Add adds (IFA_PROTO, since Linux
// 5.18). `ip address` shows it as "proto 0x4c". Linux itself uses 1 to 3
// (linux/if_addr.h), and no routing daemon in iproute2's rt_protos has 76.
const Protocol = 76

// ErrProtocol reports that the kernel does not store Protocol, so that a later delete
// could not distinguish lvsmark's addresses from others.
var ErrProtocol = errors.New("this kernel does not store the protocol of an address, which needs Linux 5.18 or later;" +
	" add the VIP to the device by other means and remove \"vip-device\" from the spec")

// An Address is a VIP on a device, or a network of VIPs as a local route on the device.
type Address struct {
	Device string
	IP     netip.Addr // the first one of a network
	Bits   int        // prefix length of a network; 0: a single address
}

// IsRoute reports whether the address is a network, which has a local route.
func (a Address) IsRoute() bool { return a.Bits > 0 }

// Prefix returns the network, or the address with a full prefix.
func (a Address) Prefix() netip.Prefix {
	if a.Bits == 0 {
		return netip.PrefixFrom(a.IP, a.IP.BitLen())
	}
	return netip.PrefixFrom(a.IP, a.Bits)
}

// Range returns the addresses.
func (a Address) Range() config.AddressRange { return config.RangeOfPrefix(a.Prefix()) }

// IsReplacedBy reports whether the other address, to be added, has some of the IP addresses
// too, so that this one may stay until then. The kernel has no two routes to the same
// network.
func (a Address) IsReplacedBy(other Address) bool {
	return (a.IsRoute() || other.IsRoute()) && a.Prefix() != other.Prefix() && a.Range().Overlaps(other.Range())
}

// Kind returns "address" or "route".
func (a Address) Kind() string {
	if a.IsRoute() {
		return "route"
	}
	return "address"
}

// String returns, for example, "198.51.100.21 on eth0" or "198.51.100.32/28 on eth0".
func (a Address) String() string { return fmt.Sprintf("%s on %s", a.Range(), a.Device) }

// A Local is an address or a local route to a network in the kernel.
type Local struct {
	Address
	Prefix    int      // prefix length; 32 or 128 if added by Add
	Ours      bool     // added by Add
	Lifetime  Lifetime // until the kernel deletes the address
	Tentative bool     // duplicate address detection is not done, or failed: the kernel does not use the address
	DADFailed bool     // duplicate address detection found another host with the address
}

// Read returns all addresses of all devices, in the order of the kernel, and then the local
// routes to networks, except those of the kernel itself. It retries up to a hundred times if
// they change during the dump.
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
	routes, err := dumpRoutes()
	if err != nil {
		return nil, fmt.Errorf("list local routes: %w", err)
	}
	var addresses []Local
	for _, a := range append(dumped, routes...) {
		name, ok := names[a.device]
		if !ok {
			continue // added or deleted between the two lists
		}
		addresses = append(addresses, a.asLocal(name))
	}
	return addresses, nil
}

// asLocal returns the address on the device of that name. The kernel uses an optimistic
// address (RFC 4429) before detection is done.
func (a kernelAddress) asLocal(device string) Local {
	l := Local{
		Address:   Address{Device: device, IP: a.local},
		Prefix:    int(a.prefix),
		Ours:      a.protocol == Protocol,
		DADFailed: a.flags&unix.IFA_F_DADFAILED != 0,
	}
	if a.route {
		l.Bits = int(a.prefix)
	}
	l.Tentative = a.flags&unix.IFA_F_TENTATIVE != 0 && a.flags&unix.IFA_F_OPTIMISTIC == 0 || l.DADFailed
	if a.valid != forever {
		l.Lifetime = max(Lifetime(a.valid)*second, second)
	}
	return l
}
