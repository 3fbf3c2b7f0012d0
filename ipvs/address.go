package ipvs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
)

// AddressProtocol marks the addresses that AddAddresses made: the kernel keeps it
// with the address (IFA_PROTO, since Linux 5.18) and shows it to all, `ip
// address` as "proto 0x4c". Linux itself uses 1 to 3 (linux/if_addr.h), and no
// routing daemon in iproute2's rt_protos has 76.
const AddressProtocol = 76

// ErrAddressProtocol says that the kernel does not keep AddressProtocol, so
// that an address of ours could not be told from others when it has to go.
var ErrAddressProtocol = errors.New("this kernel does not keep the protocol of an address, which Linux 5.18 and later do;" +
	" put the VIP on the device by other means and leave out \"vip-device\"")

// An Address is a VIP on a device.
type Address struct {
	Device string
	IP     netip.Addr
}

// String is as in "198.51.100.21 on eth0".
func (a Address) String() string { return fmt.Sprintf("%s on %s", a.IP, a.Device) }

// A LocalAddress is one that a device has.
type LocalAddress struct {
	Address
	Prefix int  // length of the prefix: AddAddresses makes 32 and 128
	Ours   bool // AddAddresses made it
}

// Addresses returns the VIPs that the spec wants on devices, in its order. A
// VIP of several clusters is there once for each device.
func Addresses(spec *config.Spec) []Address {
	var addresses []Address
	seen := map[Address]bool{}
	for _, cluster := range spec.Clusters {
		if cluster.VIPDevice == "" {
			continue
		}
		for _, vip := range cluster.VIPs {
			address := Address{Device: cluster.VIPDevice, IP: vip}
			if !seen[address] {
				seen[address] = true
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}

// ReadAddresses returns all addresses of all devices in the calling thread's
// network namespace, in the order of the kernel.
func ReadAddresses() ([]LocalAddress, error) {
	devices, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network devices: %w", err)
	}
	names := make(map[uint32]string, len(devices))
	for _, device := range devices {
		names[uint32(device.Index)] = device.Name
	}
	dumped, err := dumpAddresses()
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	var addresses []LocalAddress
	for _, a := range dumped {
		name, ok := names[a.device]
		if !ok {
			continue // the device came or went between the two lists
		}
		addresses = append(addresses, LocalAddress{
			Address: Address{Device: name, IP: a.local},
			Prefix:  int(a.prefix),
			Ours:    a.protocol == AddressProtocol,
		})
	}
	return addresses, nil
}
