package equivalence

import (
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
		for _, c := range lessSpecificFirst(spec.Clusters) {
			for _, vip := range c.VIPs {
				if vip.Is4() != (family == config.IPv4) {
					continue
				}
				for _, ports := range asWritten(&c) {
					fmt.Fprintf(&b, "\t\t%s daddr %s %s %smeta mark set %d\n", ip, vip, ports, conditions(c.Only, family), c.Mark)
				}
			}
		}
		b.WriteString("\t}\n}\n")
	}
	return b.String()
}

// lessSpecificFirst returns the clusters with those first that take all packets, so that the
// marks of the others replace theirs.
func lessSpecificFirst(clusters []config.Cluster) []config.Cluster {
	return slices.SortedStableFunc(slices.Values(clusters), func(a, b config.Cluster) int {
		return map[bool]int{a.Only != nil: 1}[true] - map[bool]int{b.Only != nil: 1}[true]
	})
}

// conditions returns the matches of only. The packets of this package have no Ethernet
// header, so none is from an excluded sender.
func conditions(only *config.Only, family config.Family) (text string) {
	if only == nil {
		return ""
	}
	if sources := only.SourcesOf(family); len(sources) > 0 {
		text += nftFamily(family) + " saddr " + anonymousSet(sources, "")
	}
	if len(only.Devices) > 0 {
		text += "iifname " + anonymousSet(only.Devices, `"`)
	}
	return text
}

func anonymousSet[T any](values []T, quote string) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = quote + fmt.Sprint(v) + quote
	}
	return "{ " + strings.Join(words, ", ") + " } "
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
