package hostcheck

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/lookup"
	"github.com/lvsmark/lvsmark/internal/route"
)

// rules finds rules of policy routing that route packets by the mark of a cluster, or ahead of the
// lookup of local addresses.
func (h Host) rules(spec *config.Spec, devices []net.Interface, routes *route.Table) (found []Finding, err error) {
	rules, err := route.Rules()
	if err != nil {
		return nil, err
	}
	found, unknown := aheadOfLocal(spec, rules, devices, routes)
	for i, r := range rules {
		if r.Mask == 0 {
			continue
		}
		local := slices.IndexFunc(rules, func(other route.Rule) bool { return other.Family == r.Family && other.IsLocal() })
		m := markRule{h, r, local < 0 || i < local, spec.Director.Marks == config.FirstPacket, spec.TranslatesClients(), devices, routes}
		for _, b := range spec.Bindings(r.Family) {
			if !r.Distinguishes(b.Mark) {
				continue
			}
			of, err := m.findings(b)
			if found = append(found, of...); err != nil {
				return found, err
			}
		}
	}
	return found, unknown
}

// findings returns what the rule does to the packets of a binding whose mark it matches.
func (m markRule) findings(b config.Binding) (found []Finding, err error) {
	for _, check := range []func(config.Binding) (what, remedy string, err error){m.vips, m.laterPackets, m.servers, m.reversePath} {
		what, remedy, err := check(b)
		if err != nil {
			return found, err
		}
		if what != "" {
			found = append(found, Finding{Check: RulesOfMarks, What: fmt.Sprintf("%s matches the mark of %s: %s", m.rule, b.Cluster.Name, what), Remedy: remedy, Command: commandOf(remedy)})
		}
	}
	return found, nil
}

// commandOf returns the command that a remedy is; empty: the remedy has other words too.
func commandOf(remedy string) string {
	if command := strings.Trim(remedy, "`"); remedy == "`"+command+"`" {
		return command
	}
	return ""
}

// A markRule is a rule that matches a mark.
type markRule struct {
	Host
	rule        route.Rule
	beforeLocal bool // it precedes the lookup of local addresses
	firstOnly   bool // of a TCP connection only the first packet has the mark
	tracked     bool // a cluster has source-nat, which needs net.ipv4.vs.conntrack
	devices     []net.Interface
	routes      *route.Table
}

// vips finds VIPs that the kernel does not receive itself if the packet has the mark: IPVS
// does not see these packets. A VIP that is not local without the mark either is no matter
// of the rule, unless both routes differ.
func (m markRule) vips(b config.Binding) (what, remedy string, err error) {
	if !m.beforeLocal {
		return "", "", nil
	}
	remedy = "give the rule a higher priority number than that of the lookup of the table local, or the cluster another mark"
	if m.rule.Selects {
		return "packets to its VIPs that also meet the other conditions of the rule are routed before the lookup of local addresses, and may pass IPVS by", remedy, nil
	}
	for _, vips := range b.VIPs {
		for _, vip := range slices.Compact([]netip.Addr{vips.First, vips.Last}) {
			with, differs, err := m.route(vip, b.Mark)
			if err != nil {
				return "", "", err
			}
			if differs && !with.IsLocal() {
				return fmt.Sprintf("with the mark, VIP %s is no local address, so IPVS does not get the packets", vip), remedy, nil
			}
		}
	}
	return "", "", nil
}

// laterPackets finds VIPs that are local only to packets with the mark, if packets after the
// first of a connection have none: IPVS does not see these packets.
func (m markRule) laterPackets(b config.Binding) (what, remedy string, err error) {
	marksTCP := slices.ContainsFunc(b.Ports, func(r config.PortRange) bool { return r.IsAll() || r.Protocol == config.TCP })
	if !m.firstOnly || !marksTCP {
		return "", "", nil
	}
	for _, vips := range b.VIPs {
		for _, vip := range slices.Compact([]netip.Addr{vips.First, vips.Last}) {
			with, differs, err := m.route(vip, b.Mark)
			if err != nil {
				return "", "", err
			}
			if differs && with.IsLocal() {
				return fmt.Sprintf("VIP %s is local only to packets with the mark, and with marks: first-packet the packets after the first of a connection have none, so IPVS does not get them", vip), "add the VIP to a device, or use marks: every-packet", nil
			}
		}
	}
	return "", "", nil
}

// route returns the route with the mark, and whether it differs from that without.
func (m markRule) route(to netip.Addr, mark uint32) (with route.Route, differs bool, err error) {
	with, err = m.routes.To(to, mark)
	if err != nil {
		return with, false, err
	}
	without, err := m.routes.To(to, 0)
	return with, with != without, err
}

// servers finds real servers with another route if the packet has the mark. IPVS itself
// routes without it. With net.ipv4.vs.conntrack, connection tracking routes the packets
// again because their destination was changed (nf_nat_ipv4_local_fn of
// net/netfilter/nf_nat_proto.c).
func (m markRule) servers(b config.Binding) (what, remedy string, err error) {
	if m.Value("net.ipv4.vs.conntrack", "0") == "0" {
		return "", "", nil
	}
	for _, s := range config.ServersBy(config.NAT, b.RealServers) {
		_, differs, err := m.route(s.Address, b.Mark)
		if err != nil {
			return "", "", err
		}
		if differs {
			first := "set net.ipv4.vs.conntrack to 0, or the real servers first"
			if m.tracked {
				first = "set the real servers first"
			}
			return fmt.Sprintf("while net.ipv4.vs.conntrack is 1, packets to real server %s take its route instead of that without the mark", s.Address),
				fmt.Sprintf("%s: `%s rule add to %s lookup main priority N`, with N below %d", first, ipCommand(b.Family), s.Address, m.rule.Priority), nil
		}
	}
	return "", "", nil
}

func ipCommand(f config.Family) string {
	if f == config.IPv4 {
		return "ip"
	}
	return "ip -6"
}

// reversePath finds devices whose reverse path filter uses the mark (__fib_validate_source
// of net/ipv4/fib_frontend.c). IPv6 has no such filter.
func (m markRule) reversePath(b config.Binding) (what, remedy string, err error) {
	if b.Family != config.IPv4 {
		return "", "", nil
	}
	var names []string
	for _, device := range m.devices {
		name := device.Name
		filters := m.isOn("all", "rp_filter") || m.isOn(name, "rp_filter")
		if device.Flags&net.FlagLoopback == 0 && filters && (m.isOn("all", "src_valid_mark") || m.isOn(name, "src_valid_mark")) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "", "", nil
	}
	return fmt.Sprintf("with src_valid_mark, rp_filter looks up the way back to clients by this rule, and may drop packets to the VIPs on %s", lookup.Listed(names)),
		"`" + m.withoutMark(names) + "`", nil
}

// withoutMark returns the command after which no reverse path filter of the devices uses the mark.
func (m markRule) withoutMark(devices []string) string {
	words := []string{"sysctl", "-w"}
	for _, name := range append([]string{"all"}, devices...) {
		if m.isOn(name, "src_valid_mark") {
			words = append(words, SysctlOf(name, "src_valid_mark")+"=0")
		}
	}
	return strings.Join(words, " ")
}

func (h Host) isOn(device, name string) bool { return h.Value(SysctlOf(device, name), "0") != "0" }
