package hostcheck

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/route"
)

// aheadOfLocal finds rules without a mark that precede the lookup of local addresses, and route
// packets of clients to a VIP elsewhere: IPVS does not see these packets. It asks for the route of
// a packet that meets the conditions of the rule. The error may be errPackets: then some packets
// were not asked for.
func aheadOfLocal(spec *config.Spec, rules []route.Rule, devices []net.Interface, routes *route.Table) (found []Finding, err error) {
	asked := 0
	for i, r := range rules {
		local := slices.IndexFunc(rules, func(other route.Rule) bool { return other.Family == r.Family && other.IsLocal() })
		if r.Mask != 0 || !r.Selects || r.Inverted || r.Packets.Other || i > local {
			continue
		}
		c := conditionalRule{r, devices, routes, &asked}
		finding, err := c.find(spec)
		if err != nil {
			return found, err
		}
		if finding != nil {
			found = append(found, *finding)
		}
	}
	if asked > maxRoutes {
		return found, errPackets
	}
	return found, nil
}

// errPackets means that there are more packets that rules ahead of the lookup of local addresses may
// take than aheadOfLocal asks for.
var errPackets = fmt.Errorf("rules of policy routing ahead of the lookup of local addresses may take packets to VIPs other than the first %d that are asked for", maxRoutes)

// A conditionalRule is a rule with other conditions than a mark.
type conditionalRule struct {
	route.Rule

	devices []net.Interface
	routes  *route.Table
	asked   *int
}

// find returns the finding about the first VIP whose packets the rule takes; nil: there is none.
func (c conditionalRule) find(spec *config.Spec) (*Finding, error) {
	for _, b := range spec.Bindings(c.Family) {
		protocol, port, ok := c.portOf(b)
		if !ok {
			continue
		}
		for _, vips := range b.VIPs {
			for _, vip := range slices.Compact([]netip.Addr{vips.First, vips.Last}) {
				if c.Packets.To.IsValid() && !c.Packets.To.Contains(vip) {
					continue
				}
				finding, err := c.ask(b, route.Incoming{To: vip, Protocol: uint8(protocol), ToPort: port, FromPort: max(c.Packets.SourcePorts[0], 1)})
				if err != nil || finding != nil {
					return finding, err
				}
			}
		}
	}
	return nil, nil
}

// portOf returns a protocol and a port of the cluster that meet the rule. The kernel tells the routes
// of TCP and UDP only.
func (c conditionalRule) portOf(b config.Binding) (protocol config.Protocol, port uint16, ok bool) {
	for _, r := range b.Ports {
		protocol = r.Protocol
		if r.IsAll() {
			protocol, r.Low, r.High = config.TCP, 1, 65535
			if c.Packets.Protocol == unix.IPPROTO_UDP {
				protocol = config.UDP
			}
		}
		low, high := max(r.Low, 1), r.High
		if ports := c.Packets.ToPorts; ports[1] != 0 {
			low, high = max(low, ports[0]), min(high, ports[1])
		}
		matches := c.Packets.Protocol == 0 || c.Packets.Protocol == uint8(protocol)
		if matches && low <= high && (protocol == config.TCP || protocol == config.UDP) {
			return protocol, low, true
		}
	}
	return 0, 0, false
}

// ask returns a finding if the kernel routes the packet elsewhere. A VIP that is no local address is
// another finding.
func (c conditionalRule) ask(b config.Binding, p route.Incoming) (*Finding, error) {
	if *c.asked > maxRoutes {
		return nil, nil
	}
	if local, err := IsLocal(c.routes.To, p.To, b.Mark); err != nil || !local {
		return nil, err
	}
	devices, err := c.devicesByClients()
	if err != nil {
		return nil, err
	}
	for _, device := range devices {
		if !isUp(device) || c.Packets.Device != "" && device.Name != c.Packets.Device {
			continue
		}
		p.Device = uint32(device.Index)
		sources, err := c.sources(device)
		if err != nil {
			return nil, err
		}
		for _, p.From = range sources {
			if *c.asked++; *c.asked > maxRoutes {
				return nil, nil
			}
			to, err := c.routes.Incoming(p)
			if err != nil {
				return nil, err
			}
			if to.IsLocal() || to.Refused == unix.EXDEV { // the reverse path filter drops them in any case
				continue
			}
			command := fmt.Sprintf("%s route get %s from %s iif %s ipproto %s sport %d dport %d", ipCommand(c.Family), p.To, p.From, device.Name, config.Protocol(p.Protocol), p.FromPort, p.ToPort)
			return &Finding{
				Check: RulesOfMarks, What: fmt.Sprintf("%s precedes the lookup of local addresses and takes packets to VIP %s of %s, so IPVS does not get them", c.Rule, p.To, b.Cluster.Name),
				Remedy: fmt.Sprintf("`%s` asks for such a packet: give the rule a higher priority number than that of the lookup of the table local, or exclude the VIPs", command),
			}, nil
		}
	}
	return nil, nil
}

// devicesByClients returns the devices, first the one by which most clients come in.
func (c conditionalRule) devicesByClients() ([]net.Interface, error) {
	client := defaultClient(c.Family)
	if c.Packets.From.IsValid() {
		client = c.Packets.From.Addr()
	}
	to, err := c.routes.To(client, 0)
	devices := slices.Clone(c.devices)
	slices.SortStableFunc(devices, func(a, b net.Interface) int {
		towards := func(d net.Interface) int { return map[bool]int{true: 0, false: 1}[d.Index == int(to.Device)] }
		return towards(a) - towards(b)
	})
	return devices, err
}

// sources returns addresses of clients that may come in by the device and meet the rule.
func (c conditionalRule) sources(device net.Interface) (list []netip.Addr, err error) {
	add := func(a netip.Addr) {
		if a.IsValid() && config.FamilyOf(a) == c.Family && (!c.Packets.From.IsValid() || c.Packets.From.Contains(a)) {
			list = append(list, a)
		}
	}
	if from := c.Packets.From; from.IsValid() {
		add(from.Addr())
		add(from.Addr().Next())
	}
	add(defaultClient(c.Family))
	addresses, err := device.Addrs()
	for _, address := range addresses {
		if network, err := netip.ParsePrefix(address.String()); err == nil && network.Contains(network.Addr().Next()) && !network.Addr().IsLinkLocalUnicast() {
			add(network.Addr().Next())
		}
	}
	return list, err
}
