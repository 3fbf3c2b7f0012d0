// Package host reads what the checks of doctor look at, once, into a value. It changes
// nothing, and loads no kernel module.
//
// Read uses the network namespace of the calling thread. A caller that has entered a
// namespace must have locked its OS thread.
package host

import (
	"io/fs"
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/route"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A Host is one network namespace and the files of its machine. Tests make it by hand.
type Host struct {
	Files  fs.FS  // the root directory
	Kernel string // release, as `uname -r` prints it

	Sysctls              map[string]string // sysctls that the checks use, if they exist, by dotted name
	Devices              []Device
	Addresses            Fact[[]hostaddr.Local]
	Rules                Fact[[]route.Rule]
	Gateways             Fact[[]Gateway]
	Listeners            Fact[[]Listener]
	ConntrackMaxReadOnly bool // only the initial network namespace can set nf_conntrack_max

	unread []error // see TakeUnread

	Processes []string            // names of the processes in the network namespace, sorted
	Arguments map[string][]string // of the first process with a name: the words of its command line

	IPVS     Fact[IPVS]
	Ruleset  Fact[Ruleset]
	Settings []hostcheck.Finding
	Networks Fact[hostcheck.ClientNetworks]
	Drift    Fact[Drift]

	// Route asks the kernel for the route to an address, with a mark or 0.
	Route func(to netip.Addr, mark uint32) (route.Route, error)

	// Masquerade returns the address that masquerade gives to packets to an address; not valid:
	// there is no route.
	Masquerade func(to netip.Addr) (netip.Addr, error)

	// Neighbors reads whether neighbors answer, for those that the kernel has asked.
	Neighbors func() (map[netip.Addr]bool, error)

	// Connect opens and closes a TCP connection to each address, at the same time. The result
	// has the error of each address that did not accept it.
	Connect func([]netip.AddrPort) map[netip.AddrPort]error

	// WhoHas is hostaddr.Ask.
	WhoHas func(device string, address netip.Addr) ([]string, error)
}

// A Fact is what was read, or why it could not be read.
type Fact[T any] struct {
	Value T
	Err   error
}

// Get returns the value, or the error.
func (f Fact[T]) Get() (T, error) { return f.Value, f.Err }

func factOf[T any](value T, err error) Fact[T] { return Fact[T]{value, err} }

// A Drift is what apply would change.
type Drift struct {
	NoIPVS  bool   // IPVS is not loaded, so all services are missing, and the changes were not counted
	Refusal string // why apply would refuse the spec; empty: it would not
	Changes int
}

// A Device is a network device.
type Device struct {
	Name     string
	Index    int
	MTU      int
	Up       bool
	Running  bool // it has a link
	Loopback bool
	Type     uint16 // ARPHRD_* of linux/if_arp.h
	MAC      string
}

// A Gateway is a default route of the main table.
type Gateway struct {
	Family  config.Family
	Device  string
	Address netip.Addr // invalid: the destinations are on the link
}

// A Listener is a socket that waits for packets: TCP in state LISTEN, or UDP without a peer.
type Listener struct {
	Protocol config.Protocol
	Address  netip.AddrPort // an unspecified address: any
	OnlyIPv6 *bool          // of a socket on [::]: it takes no IPv4 packets; nil: not known
	inode    uint32         // of the socket, as in /proc/net
}

// Families returns the families whose packets the socket takes. A socket on [::] counts as one of
// both unless it is known to refuse IPv4.
func (l Listener) Families() []config.Family {
	switch a := l.Address.Addr(); {
	case a.Is4():
		return []config.Family{config.IPv4}
	case !a.IsUnspecified(), l.OnlyIPv6 != nil && *l.OnlyIPv6:
		return []config.Family{config.IPv6}
	}
	return config.Families()
}

// IPVS is the state of IPVS.
type IPVS struct {
	Services        []ipvs.VirtualService
	AddressServices []ipvs.AddressService
	Timeouts        config.Timeouts
	TableSize       int // rows of the connection table; 0: not known
	Entries         int // of the connection table: connections and templates
	Passive         []PassiveUse
}

// A PassiveUse is the number of established data connections of a real server in the
// passive ranges of a binding.
type PassiveUse struct {
	Cluster string
	Server  netip.Addr
	Used    int
	Ports   int // of the binding
}

// A Ruleset is the rules of other programs, of nftables and iptables-legacy.
type Ruleset struct {
	Findings []*firewall.Finding
	Legacy   []string // tables that could not be read, with the reason
	Rules    []Rule
}

// A Rule is a rule of another program.
type Rule struct {
	*oldconfig.Rule
	Base   *oldconfig.Base // nil: not of a base chain
	Place  string          // "table ip mangle, chain PREROUTING, rule 1"
	Text   string          // as nft or iptables-save writes it
	Delete string          // command that deletes it
}

// Value returns a sysctl, or the default if it does not exist.
func (h *Host) Value(name, missing string) string {
	if value, ok := h.Sysctls[name]; ok {
		return value
	}
	return missing
}

// DeviceNamed returns the device, or nil.
func (h *Host) DeviceNamed(name string) *Device {
	for i := range h.Devices {
		if h.Devices[i].Name == name {
			return &h.Devices[i]
		}
	}
	return nil
}

// DeviceTo returns the device towards an address; nil: there is no route, or the address is
// one of the host.
func (h *Host) DeviceTo(address netip.Addr) (*Device, error) {
	r, err := h.Route(address, 0)
	if err != nil || r.Refused != 0 || r.IsLocal() {
		return nil, err
	}
	for i := range h.Devices {
		if h.Devices[i].Index == int(r.Device) {
			return &h.Devices[i], nil
		}
	}
	return nil, nil
}

// ConfSysctl returns the name of a sysctl of a device, see sysctl(8).
func ConfSysctl(device, name string) string { return hostcheck.SysctlOf(device, name) }

// Effective returns the larger one of the values that a sysctl has for all devices and for
// one, as the kernel uses rp_filter, arp_ignore and arp_announce (IN_DEV_MAXCONF of
// linux/inetdevice.h).
func (h *Host) Effective(device, name string) string {
	return max(h.Value(ConfSysctl("all", name), "0"), h.Value(ConfSysctl(device, name), "0"))
}
