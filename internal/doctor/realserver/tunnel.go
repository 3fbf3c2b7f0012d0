package realserver

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
)

func tunnelChecks() []check {
	return []check{
		{
			Name: "tunnel-device", Summary: "with tunnel, a device of the tunnel's type is up",
			Why: "the host drops the packets that the director wraps", Run: tunnelDevice,
		},
		{
			Name: "tunnel-mss", Summary: "with tunnel, the MSS that the host announces to clients leaves room for the outer header: advmss of the default route, or a rule",
			Why: "full packets of clients do not fit into the tunnel: uploads hang where ICMP 'fragmentation needed' is dropped", Run: tunnelMSS,
		},
	}
}

// tunnelType returns the type of the device that unwraps the packets of a real server:
// ARPHRD_* of linux/if_arp.h. gue needs a port of fou(8) as well.
func tunnelType(r Server) uint16 {
	v6 := r.Address.Is6()
	switch {
	case r.Encapsulation.Type == config.GRE && v6:
		return unix.ARPHRD_IP6GRE
	case r.Encapsulation.Type == config.GRE:
		return unix.ARPHRD_IPGRE
	case v6:
		return unix.ARPHRD_TUNNEL6
	}
	return unix.ARPHRD_TUNNEL
}

// tunnels returns the devices that can unwrap packets of the real server.
func (s *Subject) tunnels(r Server) (devices []host.Device) {
	for _, d := range s.Devices {
		if d.Type == tunnelType(r) && d.Up {
			devices = append(devices, d)
		}
	}
	return devices
}

func tunnelDevice(s *Subject) (found []doctor.Finding, err error) {
	for _, r := range s.Servers {
		if r.Forwarding != config.Tunnel {
			continue
		}
		if len(s.tunnels(r)) == 0 {
			device := map[uint16]string{unix.ARPHRD_TUNNEL: "tunl0", unix.ARPHRD_TUNNEL6: "ip6tnl0", unix.ARPHRD_IPGRE: "gre0", unix.ARPHRD_IP6GRE: "ip6gre0"}[tunnelType(r)]
			module := map[string]string{"tunl0": "ipip", "ip6tnl0": "ip6_tunnel", "gre0": "ip_gre", "ip6gre0": "ip6_gre"}[device]
			found = append(found, one(fmt.Sprintf("no device for %s of %s is up", r.Encapsulation.Type, r), fmt.Sprintf("modprobe %s && ip link set %s up", module, device)))
		}
		if r.Encapsulation.Type == config.GUE {
			err = fmt.Errorf("the UDP ports of fou are not read: `ip fou show` must have port %d gue", r.Encapsulation.Port)
		}
	}
	return found, err
}

// tunnelMSS compares the MSS of the default route with the room that the tunnel leaves. A
// SYN+ACK of the host announces the MSS of the route to the client (tcp_advertise_mss of
// net/ipv4/tcp_output.c).
func tunnelMSS(s *Subject) (found []doctor.Finding, err error) {
	rules, rulesErr := s.Ruleset.Get()
	for _, r := range rules.Rules {
		if strings.Contains(r.Text, "maxseg size set") || strings.Contains(r.Text, "TCPMSS") {
			return nil, nil
		}
	}
	for _, r := range s.Servers {
		if r.Forwarding != config.Tunnel {
			continue
		}
		announced, problem := s.announcedMSS(r.Binding.Family)
		in, other := s.device(r.Address)
		if err = cmp.Or(err, problem, other, rulesErr); announced == 0 || in == nil {
			continue
		}
		if room := in.MTU - doctor.Overhead(r.Encapsulation, r.Address) - headers(r.Binding.Family); announced > room {
			found = append(found, one(fmt.Sprintf("the host announces an MSS of %d, and the tunnel of %s over %s has room for %d", announced, r, in.Name, room), fmt.Sprintf("%s route change $(%[1]s route show default | head -n 1) advmss %d", command(r.Binding.Family), room)))
		}
	}
	return found, err
}

// headers returns the bytes of the IP and TCP headers without options.
func headers(f config.Family) int {
	if f == config.IPv6 {
		return 60
	}
	return 40
}

// announcedMSS returns the MSS of the route to clients; 0: there is no default route.
func (s *Subject) announcedMSS(f config.Family) (int, error) {
	list, err := s.Gateways.Get()
	for _, g := range list {
		if d := s.DeviceNamed(g.Device); g.Family == f && d != nil {
			r, problem := s.Route(anyClient(f), 0)
			if r.MSS != 0 {
				return r.MSS, cmp.Or(err, problem)
			}
			return d.MTU - headers(f), cmp.Or(err, problem)
		}
	}
	return 0, err
}

// anyClient is an address for documentation (RFC 5737, RFC 3849), of a client behind the
// default route.
func anyClient(f config.Family) netip.Addr {
	if f == config.IPv6 {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: 1})
	}
	return netip.AddrFrom4([4]byte{192, 0, 2, 1})
}
