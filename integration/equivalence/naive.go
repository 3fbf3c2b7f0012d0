package equivalence

import (
	"cmp"
	"fmt"
	"slices"
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
		for _, v := range largestFirst(spec, family) {
			for _, ports := range asWritten(v.cluster) {
				fmt.Fprintf(&b, "\t\t%s daddr %s %s meta mark set %d\n", ip, v.vips, ports, v.cluster.Mark)
			}
		}
		b.WriteString("\t}\n}\n")
	}
	return b.String()
}

type clusterVIPs struct {
	cluster *config.Cluster
	vips    config.AddressRange
}

// largestFirst returns the VIPs of a family. Of VIPs within others, the rules of the
// smallest come last, and set the mark.
func largestFirst(spec *config.Spec, family config.Family) []clusterVIPs {
	var list []clusterVIPs
	for i := range spec.Clusters {
		for _, vips := range spec.Clusters[i].VIPs {
			if vips.First.Is4() == (family == config.IPv4) {
				list = append(list, clusterVIPs{&spec.Clusters[i], vips})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b clusterVIPs) int { return cmp.Compare(b.vips.Count(), a.vips.Count()) })
	return list
}

// asWritten returns a match for each entry of the cluster's ports.
func asWritten(c *config.Cluster) []string {
	var matches []string
	if c.FTP != nil {
		for _, port := range c.FTP.ControlPorts {
			matches = append(matches, fmt.Sprintf("tcp dport %d", port))
			// If real servers have the VIP, replies to active data arrive at the VIP.
			switch {
			case c.Forwarding == config.NAT:
			case port == 990:
				matches = append(matches, "tcp dport 989")
			default:
				matches = append(matches, "tcp dport 20")
			}
		}
		return append(matches, fmt.Sprintf("tcp dport %d-%d", c.FTP.PassivePorts.Low, c.FTP.PassivePorts.High))
	}
	for _, r := range c.Ports {
		protocol := "tcp"
		if r.Protocol == config.UDP {
			protocol = "udp"
		}
		if r.Low == r.High {
			matches = append(matches, fmt.Sprintf("%s dport %d", protocol, r.Low))
		} else {
			matches = append(matches, fmt.Sprintf("%s dport %d-%d", protocol, r.Low, r.High))
		}
	}
	return matches
}
