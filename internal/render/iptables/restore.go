// Package iptables writes a spec as iptables rules: one rule for each VIP and port range,
// as in the recipe that lvsmark replaces. lvsmark itself never loads these rules.
package iptables

import (
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
	mangle, nat := rulesOf(spec, families, markRules(spec.Director)), rulesOf(spec, families, natRules)

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
				if line := prefix + rule; !seen[line] {
					seen[line] = true
					rules = append(rules, line)
				}
			}
		}
	}
	return rules
}

// markRules returns the function that returns the rules that mark the cluster's packets.
// If two clusters have a common port on a VIP, the rules of the one with only must come
// later, see inOrder.
func markRules(d config.Director) func(*config.Cluster, config.Family) []string {
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
				rules = append(rules, markRulesOf(chain, b, d.Marks)...)
			}
		}
		return rules
	}
}

func markRulesOf(chain string, b config.Binding, marks config.MarkedPackets) []string {
	only := b.Cluster.Only
	if chain == "OUTPUT" && only != nil && len(only.Devices)+len(only.ExceptMACs) > 0 {
		return nil // packets of the director come in by no device
	}
	var rules []string
	for _, vip := range b.VIPs {
		for _, ports := range b.Ports {
			for _, selected := range conditions(only, b.Family) {
				rules = append(rules, fmt.Sprintf("-A %s %s-d %s %s-p %s -m %[5]s --dport %s%s%s -j MARK --set-mark %d",
					chain, selected.source, host(vip), selected.device, ports.Protocol, portRange(ports), flags(ports.Protocol, marks), selected.senders, b.Mark))
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
		for _, s := range b.RealServers {
			from := fmt.Sprintf("-A POSTROUTING -d %s -m mark --mark 0x%x ", host(s.Address), b.Mark)
			switch c.SourceNAT {
			case config.SourceNATMasquerade:
				rules = append(rules, from+"-j MASQUERADE")
			case config.SourceNATToVIP:
				for _, vip := range b.VIPs {
					rules = append(rules, from+fmt.Sprintf("-m conntrack --ctorigdst %s -j SNAT --to-source %s", vip, vip))
				}
			}
		}
	}
	return rules
}

// flags returns the match of the flags of TCP.
func flags(p config.Protocol, marks config.MarkedPackets) string {
	if p == config.TCP && marks == config.FirstPacket {
		return " --tcp-flags SYN SYN"
	}
	return ""
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
		target = "SNAT --to-source " + c.VIPsOf(family)[0].String()
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
