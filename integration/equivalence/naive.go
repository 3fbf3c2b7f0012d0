package equivalence

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// Naive returns the marks of a spec as a simple ruleset for `nft -f`: one rule for
// each VIP and each range of ports. It does not use the code of config and nft for
// ports and VIPs.
func Naive(spec *config.Spec, table string, priority int) string {
	var b strings.Builder
	for _, family := range config.Families() {
		ip := nftFamily(family)
		fmt.Fprintf(&b, "table %[1]s %[2]s\ndelete table %[1]s %[2]s\ntable %[1]s %[2]s {\n\tchain marking {\n", ip, table)
		fmt.Fprintf(&b, "\t\ttype filter hook prerouting priority %d; policy accept;\n", priority)
		writeMarks(&b, spec, family, func(match string) bool { return match == "" }) // others replace these marks
		writeMarks(&b, spec, family, func(match string) bool { return match != "" })
		b.WriteString("\t}\n}\n")
	}
	return b.String()
}

func writeMarks(b *strings.Builder, spec *config.Spec, family config.Family, which func(match string) bool) {
	ip := nftFamily(family)
	for _, c := range spec.Clusters {
		for _, vip := range c.VIPs {
			if vip.Is4() != (family == config.IPv4) {
				continue
			}
			for _, ports := range asWritten(&c) {
				if which(ports) {
					fmt.Fprintf(b, "\t\t%s daddr %s %s meta mark set %d\n", ip, vip, ports, c.Mark)
				}
			}
		}
	}
}

// asWritten returns a match for each entry of the cluster's ports; empty: all packets.
func asWritten(c *config.Cluster) []string {
	var matches []string
	if c.FTP != nil {
		for _, port := range c.FTP.ControlPorts {
			matches = append(matches, fmt.Sprintf("tcp dport %d", port))
			// If real servers have the VIP, replies to active data arrive at the VIP.
			switch {
			case onlyNAT(c) || c.FTP.Active != nil:
			case port == 990:
				matches = append(matches, "tcp dport 989")
			default:
				matches = append(matches, "tcp dport 20")
			}
		}
		if c.FTP.Active != nil && !onlyNAT(c) {
			for _, port := range c.FTP.Active.Ports {
				matches = append(matches, fmt.Sprintf("tcp dport %d", port))
			}
		}
		for _, r := range c.FTP.PassivePorts {
			matches = append(matches, fmt.Sprintf("tcp dport %d-%d", r.Low, r.High))
		}
		return matches
	}
	for _, r := range c.Ports {
		protocol := map[config.Protocol]string{6: "tcp", 17: "udp", 132: "sctp"}[r.Protocol]
		switch {
		case protocol == "":
			matches = append(matches, "")
		case r.Low == r.High:
			matches = append(matches, fmt.Sprintf("%s dport %d", protocol, r.Low))
		default:
			matches = append(matches, fmt.Sprintf("%s dport %d-%d", protocol, r.Low, r.High))
		}
	}
	return matches
}

func onlyNAT(c *config.Cluster) bool {
	for _, s := range c.RealServers {
		if s.Forwarding != config.NAT {
			return false
		}
	}
	return true
}
