package realserver

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
)

func addressChecks() []check {
	return []check{
		{
			Name: "server-address", Summary: "this host has the real server's address",
			Why: "either this is another host than the one in the spec, or IPVS sends its packets nowhere", Run: serverAddress,
		},
		{
			Name: "vip-device", Summary: "with direct and tunnel, this host has each VIP on lo, a dummy or a tunnel device; with nat, it does not have them",
			Why: "the host drops packets to the VIP, or takes them from the director", Run: vipDevice,
		},
		{
			Name: "arp-ignore", Summary: "net.ipv4.conf.DEVICE.arp_ignore is at least 1, with direct and tunnel (IPv4)",
			Why: "the host answers ARP requests for the VIP: clients and routers send it packets past the director", Run: arpSetting("arp_ignore", "1"),
		},
		{
			Name: "arp-announce", Summary: "net.ipv4.conf.DEVICE.arp_announce is 2, with direct and tunnel (IPv4)",
			Why: "the host's own ARP requests name the VIP as its address: other hosts learn the wrong link-layer address of the VIP", Run: arpSetting("arp_announce", "2"),
		},
	}
}

func serverAddress(s *Subject) (found []doctor.Finding, err error) {
	for _, r := range s.Servers {
		device, problem := s.device(r.Address)
		if err = cmp.Or(err, problem); device == nil && problem == nil {
			f := one(fmt.Sprintf("%s is no address of this host", r.Address), "ip address add "+r.Address.String()+"/PREFIX dev DEVICE, or correct the spec or the NAME")
			if !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	return found, err
}

// holdsVIPs reports whether a device may have VIPs: it takes part in no ARP.
func holdsVIPs(d *host.Device) bool {
	return d.Loopback || d.MAC == "" || strings.HasPrefix(d.Name, "dummy")
}

func vipDevice(s *Subject) (found []doctor.Finding, err error) {
	for _, r := range s.Servers {
		for _, vips := range r.Binding.VIPs {
			for _, vip := range slices.Compact([]netip.Addr{vips.First, vips.Last}) {
				f, problem := s.vip(r, vip)
				found, err = append(found, f...), cmp.Or(err, problem)
			}
		}
	}
	return found, err
}

// vip checks one VIP of a real server, which may be on several devices.
func (s *Subject) vip(r Server, vip netip.Addr) (found []doctor.Finding, err error) {
	to, err := s.Route(vip, 0)
	if err != nil {
		return nil, err
	}
	on, err := s.on(vip)
	switch local := to.IsLocal(); {
	case err != nil:
		return nil, err
	case r.Forwarding == config.NAT && local:
		for _, a := range on {
			found = append(found, one(fmt.Sprintf("VIP %s of %s is an address of %s, although the forwarding is nat", vip, r, a.Device), remove(a)))
		}
		if len(on) == 0 {
			found = append(found, one(fmt.Sprintf("VIP %s of %s is an address of this host, although the forwarding is nat", vip, r), fmt.Sprintf("ip route show table local match %s lists the route: delete it", vip)))
		}
	case r.Forwarding != config.NAT && !local:
		found = append(found, one(fmt.Sprintf("VIP %s of %s is no address of this host", vip, r), addToLoopback(vip)))
	case r.Forwarding != config.NAT:
		found = s.onLinks(r, vip, on)
	}
	return found, err
}

// onLinks returns findings about a VIP on devices that take part in ARP.
func (s *Subject) onLinks(r Server, vip netip.Addr, on []hostaddr.Local) (found []doctor.Finding) {
	quiet := slices.ContainsFunc(on, func(a hostaddr.Local) bool { return s.isQuiet(a.Device) })
	for _, a := range on {
		if s.isQuiet(a.Device) {
			continue
		}
		command := remove(a)
		if !quiet {
			command += "; " + addToLoopback(vip)
		}
		found = append(found, one(fmt.Sprintf("VIP %s of %s is on %s, whose link has other hosts", vip, r, a.Device), command))
	}
	return found
}

// isQuiet reports whether the device may have VIPs, or is not known.
func (s *Subject) isQuiet(device string) bool {
	d := s.DeviceNamed(device)
	return d == nil || holdsVIPs(d)
}

func remove(a hostaddr.Local) string {
	return fmt.Sprintf("ip address del %s/%d dev %s", a.IP, a.Prefix, a.Device)
}

func addToLoopback(vip netip.Addr) string {
	return fmt.Sprintf("ip address add %s/%d dev lo", vip, vip.BitLen())
}

// arpSetting checks a sysctl of each device with ARP.
func arpSetting(name, least string) func(*Subject) ([]doctor.Finding, error) {
	return func(s *Subject) (found []doctor.Finding, err error) {
		if len(s.direct(config.IPv4)) == 0 {
			return nil, nil
		}
		for _, d := range s.Devices {
			if d.Up && !d.Loopback && d.Type == unix.ARPHRD_ETHER && !holdsVIPs(&d) && s.Effective(d.Name, name) < least {
				found = append(found, one(fmt.Sprintf("%s of %s is %s", name, d.Name, s.Effective(d.Name, name)), fmt.Sprintf("sysctl -w %s=%s", host.ConfSysctl("all", name), least)))
			}
		}
		return found, nil
	}
}
