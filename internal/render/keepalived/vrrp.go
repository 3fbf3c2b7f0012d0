package keepalived

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// maxAdvertised is the number of VIPs in advertisements. keepalived adds the others too
// (virtual_ipaddress_excluded), and an advertisement stays small.
const maxAdvertised = 20

// instance is the name of the VRRP instance.
const instance = "lvsmark"

// writeVRRP writes the VRRP instance with all VIPs. VIPs of both families are
// in one instance, so that they move together: those that are not of the peers' family are
// among the excluded ones. All directors begin as BACKUP, because keepalived ignores nopreempt
// otherwise.
func writeVRRP(b *strings.Builder, spec *config.Spec) {
	v := spec.Director.VRRP
	b.WriteString("\n")
	b.WriteString("vrrp_instance " + instance + " {\n")
	lines := []string{
		"state BACKUP", "interface " + v.Device, fmt.Sprintf("virtual_router_id %d", v.RouterID),
		fmt.Sprintf("priority %d", v.Priority), fmt.Sprintf("advert_int %d", int64(v.Interval.Seconds())),
	}
	if !v.Preempt {
		lines = append(lines, "nopreempt")
	}
	if v.Source.IsValid() {
		lines = append(lines, "unicast_src_ip "+v.Source.String())
	}
	vips := vipsOf(spec)
	lines = append(lines, fmt.Sprintf("garp_master_refresh %d", vips.refresh()))
	for _, line := range lines {
		b.WriteString("    " + line + "\n")
	}
	writeBlock(b, "    ", "unicast_peer", texts(v.Peers))
	writeBlock(b, "    ", "track_interface", vips.otherDevices(v.Device))
	writeBlock(b, "    ", "virtual_ipaddress", vips.advertised)
	writeBlock(b, "    ", "virtual_ipaddress_excluded", vips.excluded)
	writeBlock(b, "    ", "virtual_routes", vips.routes)
	b.WriteString("    notify_master \"/usr/bin/lvsmark apply\"\n}\n")
}

// writeBlock writes a block with a line for each entry; nothing if there is none.
func writeBlock(b *strings.Builder, indent, name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.WriteString(indent + name + " {\n")
	for _, line := range lines {
		b.WriteString(indent + "    " + line + "\n")
	}
	b.WriteString(indent + "}\n")
}

// vips are the VIPs and gateways of an instance as lines of its blocks, each once.
type vips struct {
	advertised, excluded []string
	routes               []string // networks: a local route each, as apply adds them without VRRP
	devices              []string
}

func vipsOf(spec *config.Spec) vips {
	var all vips
	seen := map[string]bool{}
	for i := range spec.Clusters {
		c := &spec.Clusters[i]
		device := cmp.Or(c.VIPDevice, spec.Director.VRRP.Device)
		if !slices.Contains(all.devices, device) {
			all.devices = append(all.devices, device)
		}
		for _, vip := range c.VIPs {
			for _, p := range vip.Prefixes() {
				if line := p.String() + " dev " + device; !seen[line] {
					seen[line] = true
					all.add(p, line, config.FamilyOf(spec.Director.VRRP.Peers[0]))
				}
			}
		}
	}
	for _, g := range spec.Director.VRRP.Gateways {
		all.excluded = append(all.excluded, netip.PrefixFrom(g.Address, g.Address.BitLen()).String()+" dev "+g.Device)
		if !slices.Contains(all.devices, g.Device) {
			all.devices = append(all.devices, g.Device)
		}
	}
	return all
}

func (v *vips) add(p netip.Prefix, line string, peers config.Family) {
	switch {
	case !p.IsSingleIP():
		v.routes = append(v.routes, "local "+line+" table local")
	case config.FamilyOf(p.Addr()) == peers && len(v.advertised) < maxAdvertised:
		v.advertised = append(v.advertised, line)
	default:
		v.excluded = append(v.excluded, line)
	}
}

// minRefresh is the least number of seconds between two announcements of a VIP by the master.
const minRefresh = 10

// refresh returns the seconds after which the master announces its addresses again, with at most
// ten announcements a second. When two masters meet, the one that stays announces nothing if the
// other one gives up first: then neighbors keep the other's hardware address.
func (v *vips) refresh() int {
	return max(minRefresh, (len(v.advertised)+len(v.excluded))/10)
}

// otherDevices returns the devices of VIPs that are not that of the instance: the director
// gives the VIPs up if one of them goes down.
func (v *vips) otherDevices(device string) []string {
	return slices.DeleteFunc(slices.Clone(v.devices), func(d string) bool { return d == device })
}

func texts(addresses []netip.Addr) []string {
	list := make([]string, len(addresses))
	for i, a := range addresses {
		list[i] = a.String()
	}
	return list
}
