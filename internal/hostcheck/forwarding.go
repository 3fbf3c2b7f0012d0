package hostcheck

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/lookup"
	"github.com/lvsmark/lvsmark/internal/route"
)

// forwarding finds devices from which the kernel forwards nothing although ip_forward is
// 1: replies of real servers and active data come in by the device towards the real server,
// answers of clients to active data by another one. IPv6 has no such setting: only
// net.ipv6.conf.all.forwarding counts (ip6_forward of net/ipv6/ip6_output.c).
func (h Host) forwarding(spec *config.Spec, devices []net.Interface, routes *route.Table) ([]Finding, error) {
	off := h.notForwarding(spec, devices)
	if len(off) == 0 {
		return nil, nil
	}
	towards := map[string][]string{} // real servers by device
	active := false
	for _, b := range spec.Bindings(config.IPv4) {
		servers := config.ServersBy(config.NAT, b.RealServers)
		active = active || len(servers) > 0 && b.Cluster.FTP != nil
		for _, s := range servers {
			device, err := deviceTo(s.Address, devices, routes)
			if err != nil {
				return nil, err
			}
			if name := s.Address.String(); slices.Contains(off, device) && !slices.Contains(towards[device], name) {
				towards[device] = append(towards[device], name)
			}
		}
	}
	var found []Finding
	for _, device := range off {
		command := "sysctl -w " + SysctlOf(device, "forwarding") + "=1"
		which := "answers of clients to active data that arrive there"
		if servers := towards[device]; len(servers) > 0 {
			which = "replies of " + lookup.Listed(servers)
		} else if !active {
			continue
		}
		found = append(found, Finding{
			Check: DeviceForwards, What: fmt.Sprintf("the kernel does not forward packets from %s, although net.ipv4.ip_forward is 1, and drops %s", device, which),
			Remedy: "`" + command + "`", Command: command,
		})
	}
	return found, nil
}

// notForwarding returns the devices without forwarding. When apply sets ip_forward to 1, the
// kernel turns forwarding on for all devices.
func (h Host) notForwarding(spec *config.Spec, devices []net.Interface) (off []string) {
	if h.Value("net.ipv4.ip_forward", "0") != "1" {
		return nil
	}
	for _, device := range devices {
		if device.Flags&net.FlagLoopback == 0 && device.Flags&net.FlagUp != 0 && h.Value(SysctlOf(device.Name, "forwarding"), "1") == "0" {
			off = append(off, device.Name)
		}
	}
	return off
}

// deviceTo returns the device towards an address; empty: none.
func deviceTo(address netip.Addr, devices []net.Interface, routes *route.Table) (string, error) {
	r, err := routes.To(address, 0)
	if err != nil {
		return "", err
	}
	if i := slices.IndexFunc(devices, func(d net.Interface) bool { return d.Index == int(r.Device) }); i >= 0 && r.Refused == 0 {
		return devices[i].Name, nil
	}
	return "", nil
}
