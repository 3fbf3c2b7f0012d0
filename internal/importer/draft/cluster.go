package draft

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A cluster is a cluster of the draft.
type cluster struct {
	name      string
	mark      uint32
	vips      []vip
	ports     []config.PortRange
	everyPort bool
	only      only
	lines     []oldconfig.Line // of the rules that mark; nil: the service has no mark
	services  []*oldconfig.Service
	ftp       *ftp // nil: ports
	shards    []shard
	passive   []config.PortRange // of the shards
	free      []config.PortRange // ports of TCP that no other service of the VIP has, if no rule marks
	sourceNAT config.SourceNAT
	own       bool   // lvsmark's ledger names the cluster
	device    string // to which lvsmark has added the VIPs
	onDevice  []config.AddressRange

	sourceNATLine, deviceLine oldconfig.Line
}

// A vip is a range of VIPs.
type vip struct {
	addresses oldconfig.Range
	family    oldconfig.Family
	line      oldconfig.Line
}

func (v vip) String() string { return v.addresses.Addresses(v.family) }

// families returns the families of the cluster's VIPs.
func (c *cluster) families() []oldconfig.Family {
	var families []oldconfig.Family
	for _, v := range c.vips {
		if !slices.Contains(families, v.family) {
			families = append(families, v.family)
		}
	}
	return families
}

// isUDP reports whether all ports are UDP: only then can a cluster have one-packet.
func (c *cluster) isUDP() bool {
	return c.ftp == nil && !c.everyPort && !slices.ContainsFunc(c.ports, func(p config.PortRange) bool { return p.Protocol != config.UDP })
}

func (c *cluster) line() oldconfig.Line {
	if len(c.lines) > 0 {
		return c.lines[0]
	}
	return c.services[0].Line
}

// markedClusters makes a cluster of each mark and family.
func (d *Draft) markedClusters(boxes []box) []*cluster {
	type key struct {
		mark   uint32
		family oldconfig.Family
	}
	var keys []key
	byKey := map[key][]box{}
	for _, b := range boxes {
		k := key{b.mark, b.family}
		if byKey[k] == nil {
			keys = append(keys, k)
		}
		byKey[k] = append(byKey[k], b)
	}
	var clusters []*cluster
	for _, k := range keys {
		if c := d.markedCluster(byKey[k]); c != nil {
			clusters = append(clusters, c)
		}
	}
	return clusters
}

// markedCluster makes a cluster of the boxes of one mark and family. A cluster is a product
// of VIPs, ports and one condition; boxes that do not fit into it are left out.
func (d *Draft) markedCluster(boxes []box) *cluster {
	boxes = joined(boxes, func(o *only) *[]string { return &o.devices })
	boxes = joined(boxes, func(o *only) *[]source { return &o.sources })
	condition := boxes[0].only
	byPorts := map[string][]vip{} // text of the ports
	ports := map[string][]config.PortRange{}
	var order []oldconfig.Range
	byVIP := map[oldconfig.Range][]box{}
	for _, b := range boxes {
		if !b.only.equal(condition) {
			d.remark(b.line, "mark %s has other sources, devices or link-layer addresses than in %s; a cluster has one condition, so the rule is left out", markText(b.mark), boxes[0].line)
			continue
		}
		for _, to := range b.to() {
			if byVIP[to] == nil {
				order = append(order, to)
			}
			byVIP[to] = append(byVIP[to], b)
		}
	}
	for _, to := range order {
		all, text := portsOf(byVIP[to])
		ports[text] = all
		byPorts[text] = append(byPorts[text], vip{to, boxes[0].family, byVIP[to][0].line})
	}
	most := mostVIPs(byPorts)
	for _, text := range slices.Sorted(maps.Keys(byPorts)) {
		if text != most {
			for _, v := range byPorts[text] {
				d.remark(v.line, "%s has mark %s with ports %s, other VIPs have it with %s; a cluster has the same ports at each VIP, so %s is left out", v, markText(boxes[0].mark), text, most, v)
			}
		}
	}
	c := &cluster{mark: boxes[0].mark, vips: withoutContained(byPorts[most]), ports: ports[most], everyPort: most == everyPort, only: condition}
	for _, b := range boxes {
		c.lines = append(c.lines, b.line)
	}
	return c
}

// to returns the destinations of a box: any address of the family, if it tests none.
func (b box) to() []oldconfig.Range {
	if b.destinations != nil {
		return b.destinations
	}
	return []oldconfig.Range{anyAddress(b.family)}
}

func anyAddress(f oldconfig.Family) oldconfig.Range {
	if f == config.IPv4 {
		return oldconfig.Range{High: oldconfig.Number{Low: 1<<32 - 1}}
	}
	return oldconfig.Range{High: oldconfig.Number{High: 1<<64 - 1, Low: 1<<64 - 1}}
}

const everyPort = "all"

// portsOf returns the ports of all boxes, and their text.
func portsOf(boxes []box) (ports []config.PortRange, text string) {
	for _, b := range boxes {
		if b.everyPort {
			return nil, everyPort
		}
		ports = append(ports, b.ports...)
	}
	ports = merged(ports)
	return ports, portsText(ports)
}

func portsText(ports []config.PortRange) string {
	texts := make([]string, len(ports))
	for i, r := range ports {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}

// merged returns the ports without overlaps, in ascending order.
func merged(ports []config.PortRange) []config.PortRange {
	sorted := slices.SortedFunc(slices.Values(ports), func(a, b config.PortRange) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Low, b.Low), cmp.Compare(a.High, b.High))
	})
	var merged []config.PortRange
	for _, r := range sorted {
		if n := len(merged); n > 0 && merged[n-1].Protocol == r.Protocol && r.Low <= merged[n-1].High {
			merged[n-1].High = max(merged[n-1].High, r.High)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

func mostVIPs(byPorts map[string][]vip) string {
	var most string
	for _, text := range slices.Sorted(maps.Keys(byPorts)) {
		if most == "" || len(byPorts[text]) > len(byPorts[most]) {
			most = text
		}
	}
	return most
}

// checkNetworks adds a finding for each network of VIPs: it is often the network of an
// address that was meant.
func (d *Draft) checkNetworks(c *cluster) {
	for _, v := range c.vips {
		switch {
		case v.addresses == anyAddress(v.family):
			d.remark(v.line, "the rule has no destination address: it marks packets to any address. Name the VIPs")
		case isNetwork(v.String()):
			d.remark(v.line, "the rule marks packets to every address of %s; if only one address is the VIP, name that address", v)
		}
	}
}

// isNetwork reports whether addresses as text are a network of four addresses or more: two
// VIPs side by side are no mistake.
func isNetwork(addresses string) bool {
	p, err := netip.ParsePrefix(addresses)
	return err == nil && p.Addr().BitLen()-p.Bits() >= 2
}

// withoutContained removes the VIPs within a network of the same list: a spec refuses them.
func withoutContained(vips []vip) []vip {
	var networks []oldconfig.Range
	for _, v := range vips {
		if v.addresses.Low != v.addresses.High {
			networks = append(networks, v.addresses)
		}
	}
	return slices.DeleteFunc(slices.Clone(vips), func(v vip) bool {
		return slices.ContainsFunc(networks, func(n oldconfig.Range) bool { return n != v.addresses && n.Contains(v.addresses) })
	})
}

func markText(mark uint32) string {
	if mark < 1<<16 {
		return fmt.Sprint(mark)
	}
	return fmt.Sprintf("%#x", mark)
}
