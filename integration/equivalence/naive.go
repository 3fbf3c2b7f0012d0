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
		for _, all := range []bool{true, false} { // of several marks, the last one stays
			for _, restricted := range []bool{false, true} {
				writeMarks(&b, spec, family, func(c *config.Cluster, match string) bool {
					return (match == "") == all && (c.Only != nil) == restricted
				})
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

func writeMarks(b *strings.Builder, spec *config.Spec, family config.Family, which func(c *config.Cluster, match string) bool) {
	for _, v := range largestFirst(spec, family) {
		for _, ports := range asWritten(v.cluster) {
			if which(v.cluster, ports) {
				fmt.Fprintf(b, "\t\t%s daddr %s %s %smeta mark set %d\n", nftFamily(family), v.vips, ports, conditions(v.cluster.Only, family), v.cluster.Mark)
			}
		}
		for _, shard := range shardsAsWritten(v.cluster, family) {
			if which(v.cluster, shard.match) {
				fmt.Fprintf(b, "\t\t%s daddr %s %s %smeta mark set %d\n", nftFamily(family), v.vips, shard.match, conditions(v.cluster.Only, family), shard.mark)
			}
		}
	}
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

// asWritten returns a match for each entry of the cluster's ports; empty: all packets.
func asWritten(c *config.Cluster) []string {
	var matches []string
	if c.FTP != nil {
		for _, port := range c.FTP.ControlPorts {
			matches = append(matches, fmt.Sprintf("tcp dport %d", port))
			// If real servers have the VIP, replies to active data arrive at the VIP.
			switch {
			case onlyNAT(c):
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
			if c.FTP.Shards > 0 {
				break // see shardsAsWritten
			}
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
