// Package iptables writes a spec as iptables rules: one rule for each VIP and port range,
// as in the recipe that lvsmark replaces. lvsmark itself never loads these rules.
package iptables

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// Text returns the input for iptables-restore(8) and ip6tables-restore(8), legacy or
// nf_tables. If the spec serves both families, each rule begins with -4 or -6: each
// program ignores the rules of the other family. Chains are not declared, so policies stay
// unchanged.
func Text(spec *config.Spec) string {
	families := familiesOf(spec)
	split := largestFirst(spec)
	mangle := slices.Concat(rulesOf(split, families, markRules(spec.Director, true)), rulesOf(split, families, markRules(spec.Director, false)))
	nat := rulesOf(spec, families, natRules)

	var text strings.Builder
	writeHeader(&text, families)
	writeNotes(&text, spec)
	writeTable(&text, "mangle", mangle)
	writeTable(&text, "nat", nat)
	return text.String()
}

func familiesOf(spec *config.Spec) []config.Family {
	return slices.DeleteFunc(config.Families(), func(f config.Family) bool {
		return !slices.ContainsFunc(spec.Clusters, func(c config.Cluster) bool { return c.Serves(f) })
	})
}

// rulesOf returns the rules of all clusters without duplicates: two clusters with the same
// real servers translate the same data connections.
func rulesOf(spec *config.Spec, families []config.Family, of func(*config.Cluster, config.Family) []string) []string {
	var rules []string
	seen := make(map[string]bool)
	for _, family := range families {
		prefix := ""
		if len(families) > 1 {
			prefix = fmt.Sprintf("-%d ", family)
		}
		for _, c := range inOrder(spec.Clusters) {
			for _, rule := range of(c, family) {
				line := prefix + rule
				if isComment(rule) {
					line = rule // the programs take lines with another first character for rules
				}
				if !seen[line] {
					seen[line] = true
					rules = append(rules, line)
				}
			}
		}
	}
	return rules
}

// largestFirst returns the spec with a cluster for each VIP, networks with many addresses
// first: of VIPs within another one, the mark of the last rule stays. A spec without
// networks is returned as it is.
func largestFirst(spec *config.Spec) *config.Spec {
	split := &config.Spec{Director: spec.Director}
	networks := false
	for _, cluster := range spec.Clusters {
		for _, vips := range cluster.VIPs {
			one := cluster
			one.VIPs = []config.AddressRange{vips}
			split.Clusters = append(split.Clusters, one)
			networks = networks || !vips.IsSingle()
		}
	}
	if !networks {
		return spec
	}
	slices.SortStableFunc(split.Clusters, func(a, b config.Cluster) int {
		return cmp.Compare(b.VIPs[0].Count(), a.VIPs[0].Count())
	})
	return split
}

// markRules returns the function that returns the rules that mark the cluster's packets: all
// of them if it has all ports, or else those to its ports. The rules for all packets come
// first: MARK does not end the chain, so the rules of other clusters on the VIP set their
// marks after it. Of the others, the rules of clusters with only come last, see inOrder.
func markRules(d config.Director, all bool) func(*config.Cluster, config.Family) []string {
	chains := []string{"PREROUTING"}
	if d.KeepMarks {
		chains = append(chains, "INPUT")
	}
	if d.LocalClients {
		chains = append(chains, "OUTPUT")
	}
	return func(c *config.Cluster, family config.Family) []string {
		var rules []string
		for _, chain := range chains {
			for _, b := range c.Bindings(family) {
				rules = append(rules, markRulesOf(chain, b, all, d.Marks)...)
			}
		}
		return rules
	}
}

func markRulesOf(chain string, b config.Binding, all bool, marks config.MarkedPackets) []string {
	only := b.Cluster.Only
	if chain == "OUTPUT" && only != nil && len(only.Devices)+len(only.ExceptMACs) > 0 {
		return nil // packets of the director come in by no device
	}
	var rules []string
	for _, vips := range b.VIPs {
		for _, network := range vips.Prefixes() {
			for _, ports := range b.Ports {
				if ports.IsAll() != all {
					continue
				}
				for _, match := range matches(ports, marks) {
					for _, selected := range conditions(only, b.Family) {
						rules = append(rules, fmt.Sprintf("-A %s %s-d %s %s%s%s-j MARK --set-mark %d",
							chain, selected.source, network, selected.device, match, selected.senders, b.Mark))
					}
				}
			}
		}
	}
	return rules
}

// natRules returns the rules that translate sources.
func natRules(c *config.Cluster, family config.Family) []string {
	return append(activeRules(c, family), sourceNATRules(c, family)...)
}

// sourceNATRules returns the rules that translate the source of packets that IPVS sends to
// real servers.
func sourceNATRules(c *config.Cluster, family config.Family) []string {
	var rules []string
	for _, b := range c.Bindings(family) {
		for _, s := range config.ServersBy(config.NAT, b.RealServers) {
			from := fmt.Sprintf("-A POSTROUTING -d %s -m mark --mark 0x%x ", host(s.Address), b.Mark)
			switch c.SourceNAT {
			case config.SourceNATMasquerade:
				rules = append(rules, from+"-j MASQUERADE")
			case config.SourceNATToVIP:
				for _, vips := range b.VIPs {
					rules = append(rules, toVIPs(from, vips)...)
				}
			}
		}
	}
	return rules
}

// toVIPs returns a rule for each VIP: SNAT has no target that depends on the packet. A large
// network is a comment.
func toVIPs(from string, vips config.AddressRange) []string {
	const most = 256
	if vips.Count() > most {
		return []string{"# iptables cannot translate to each address of " + vips.String()}
	}
	var rules []string
	for vip := range vips.All() {
		rules = append(rules, from+fmt.Sprintf("-m conntrack --ctorigdst %s -j SNAT --to-source %s", vip, vip))
	}
	return rules
}

func isComment(rule string) bool { return strings.HasPrefix(rule, "#") }

// matches returns the matches of ports, with one rule for each. Of first packets, the rules
// for all ports are one for TCP and one for the other protocols.
func matches(ports config.PortRange, marks config.MarkedPackets) []string {
	const syn = "--tcp-flags SYN SYN "
	switch {
	case ports.IsAll() && marks == config.FirstPacket:
		return []string{"-p tcp -m tcp " + syn, "! -p tcp "}
	case ports.IsAll():
		return []string{""}
	}
	match := fmt.Sprintf("-p %s -m %[1]s --dport %s ", ports.Protocol, portRange(ports))
	if ports.Protocol == config.TCP && marks == config.FirstPacket {
		match += syn
	}
	return []string{match}
}

// activeRules returns the rules that translate the source of active data connections.
func activeRules(c *config.Cluster, family config.Family) []string {
	if c.FTP == nil || c.FTP.Active == nil || !c.Serves(family) {
		return nil
	}
	target := "MASQUERADE"
	switch c.FTP.Active.Translate {
	case config.NoTranslation:
		return nil
	case config.SNAT:
		target = "SNAT --to-source " + c.VIPsOf(family)[0].First.String()
	}
	var rules []string
	for _, source := range c.FTP.Active.Sources {
		if config.FamilyOf(source.Addr()) != family {
			continue
		}
		for _, port := range c.FTP.Active.Ports {
			rules = append(rules, fmt.Sprintf("-A POSTROUTING -s %s -p tcp -m tcp --sport %d -j %s", source, port, target))
		}
	}
	return rules
}

func writeHeader(text *strings.Builder, families []config.Family) {
	text.WriteString("# Generated by lvsmark. To add these rules to those that are there:\n")
	for _, family := range families {
		fmt.Fprintf(text, "#   %s-restore --noflush\n", program(family))
	}
}

// writeNotes says what the rules cannot.
func writeNotes(text *strings.Builder, spec *config.Spec) {
	if spec.Director.KeepMarks {
		text.WriteString("# iptables has no chain right before IPVS: rules of other programs behind mangle INPUT may change the marks.\n")
	}
	if spec.TranslatesClients() {
		text.WriteString("# The rules with --mark need: sysctl -w net.ipv4.vs.conntrack=1\n")
	}
}

func writeTable(text *strings.Builder, name string, rules []string) {
	if len(rules) == 0 {
		return
	}
	fmt.Fprintf(text, "*%s\n%s\nCOMMIT\n", name, strings.Join(rules, "\n"))
}

func program(family config.Family) string {
	if family == config.IPv6 {
		return "ip6tables"
	}
	return "iptables"
}

// host returns the address with its full prefix length, as iptables-save prints it.
func host(addr netip.Addr) string { return netip.PrefixFrom(addr, addr.BitLen()).String() }

// portRange returns the range in iptables syntax: "21", "10000:20000".
func portRange(r config.PortRange) string { return strings.Replace(r.Ports(), "-", ":", 1) }
