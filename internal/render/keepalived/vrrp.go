package keepalived

import (
	"cmp"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
)

// instance is the name of the VRRP instance.
const instance = "lvsmark"

// writeVRRP writes the VRRP instance with all VIPs. VIPs of both families are
// in one instance, so that they move together. All directors begin as BACKUP, because keepalived
// ignores nopreempt and preempt_delay otherwise.
func writeVRRP(b *strings.Builder, spec *config.Spec, options render.Options) {
	v := spec.Director.VRRP
	b.WriteString("\n")
	b.WriteString("vrrp_instance " + instance + " {\n")
	lines := []string{
		"state BACKUP", "interface " + v.Device, fmt.Sprintf("virtual_router_id %d", v.RouterID),
		fmt.Sprintf("priority %d", v.Priority), fmt.Sprintf("advert_int %d", int64(v.Interval.Seconds())),
	}
	switch {
	case !v.Preempt:
		lines = append(lines, "nopreempt")
	case spec.Director.Sync != nil:
		lines = append(lines, fmt.Sprintf("preempt_delay %d", int64(config.PreemptDelay.Seconds())))
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
	fmt.Fprintf(b, "    notify_master %q\n}\n", strings.Join(applyWords(options), " "))
}

// applyWords is the command that the new master runs, with the spec of this file.
func applyWords(options render.Options) []string {
	if file := cmp.Or(options.SpecFile, config.DefaultFile); file != config.DefaultFile {
		return []string{program, "-c", file, "apply"}
	}
	return []string{program, "apply"}
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
//
// One VIP is in the advertisements, the lowest one. keepalived adds the others too. It drops an
// advertisement whose addresses are not its own (vrrp_in_chk of keepalived's vrrp.c): then each
// director becomes the master. So most edits of VIPs need not be made on both at the same time.
type vips struct {
	advertised, excluded []string
	routes               []string // networks: a local route each, as apply adds them without VRRP
	devices              []string
}

func vipsOf(spec *config.Spec) vips {
	var all vips
	seen := map[string]bool{}
	lowest := spec.AdvertisedVIP()
	for p, device := range movedVIPs(spec) {
		if !slices.Contains(all.devices, device) {
			all.devices = append(all.devices, device)
		}
		if line := p.String() + " dev " + device; !seen[line] {
			seen[line] = true
			all.add(p, line, lowest)
		}
	}
	for _, g := range spec.Director.VRRP.Gateways {
		if line := netip.PrefixFrom(g.Address, g.Address.BitLen()).String() + " dev " + g.Device; !seen[line] {
			all.excluded = append(all.excluded, line)
		}
		if !slices.Contains(all.devices, g.Device) {
			all.devices = append(all.devices, g.Device)
		}
	}
	return all
}

// movedVIPs yields the VIPs of all clusters with their devices. A VIP that another cluster has
// with a vip-device is not added to the device of the instance too.
func movedVIPs(spec *config.Spec) iter.Seq2[netip.Prefix, string] {
	placed := map[netip.Prefix]bool{}
	for i := range spec.Clusters {
		if c := &spec.Clusters[i]; c.VIPDevice != "" {
			for _, vip := range c.VIPs {
				for _, p := range vip.Prefixes() {
					placed[p] = true
				}
			}
		}
	}
	return func(yield func(netip.Prefix, string) bool) {
		for i := range spec.Clusters {
			c := &spec.Clusters[i]
			for _, vip := range c.VIPs {
				for _, p := range vip.Prefixes() {
					if placed[p] && c.VIPDevice == "" {
						continue
					}
					if !yield(p, cmp.Or(c.VIPDevice, spec.Director.VRRP.Device)) {
						return
					}
				}
			}
		}
	}
}

func (v *vips) add(p netip.Prefix, line string, lowest netip.Addr) {
	switch {
	case !p.IsSingleIP():
		v.routes = append(v.routes, "local "+line+routeScope(p)+" table local")
	case p.Addr() == lowest && v.advertised == nil:
		v.advertised = append(v.advertised, line)
	default:
		v.excluded = append(v.excluded, line)
	}
}

// routeScope returns the scope of a local route. keepalived asks for the scope universe by default,
// and the kernel refuses that for IPv4 (fib_create_info of net/ipv4/fib_semantics.c). IPv6 routes
// have no scope.
func routeScope(p netip.Prefix) string {
	if p.Addr().Is4() {
		return " scope host"
	}
	return ""
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

// checkDevices refuses names of devices that keepalived would read as other names.
func checkDevices(spec *config.Spec) error {
	v := spec.Director.VRRP
	if v == nil {
		return nil
	}
	devices := append([]string{v.Device}, vipsOf(spec).devices...)
	if sync := spec.Director.Sync; sync != nil && !spec.Director.Bind {
		devices = append(devices, sync.Device)
	}
	if i := slices.IndexFunc(devices, special); i >= 0 {
		return fmt.Errorf("keepalived.conf cannot have the device %q: keepalived reads such a name as another one; rename the device", devices[i])
	}
	return nil
}

func texts(addresses []netip.Addr) []string {
	list := make([]string, len(addresses))
	for i, a := range addresses {
		list[i] = a.String()
	}
	return list
}
