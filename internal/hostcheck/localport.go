package hostcheck

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/lookup"
)

// localPorts finds connections of the director that IPVS may take, because the answers
// go to a VIP and to a port of a cluster. With TCP, lvsmark gives the first answer no mark
// and IPVS leaves later packets alone, unless sloppy_tcp lets it begin connections with
// them (tcp_conn_schedule of net/netfilter/ipvs/ip_vs_proto_tcp.c). UDP has no such packets.
func (h Host) localPorts(spec *config.Spec) []Finding {
	low, high, ok := PortRange(h.Value("net.ipv4.ip_local_port_range", "32768 60999"))
	if !ok {
		return nil
	}
	var found []Finding
	affected := func(p config.Protocol) []string {
		return clustersWith(spec, config.PortRange{Protocol: p, Low: low, High: high})
	}
	const remedy = "use another address of the director for them, or exclude the ports of the clusters with net.ipv4.ip_local_reserved_ports"
	if names := affected(config.TCP); len(names) > 0 && h.Value("net.ipv4.vs.sloppy_tcp", "0") != "0" {
		found = append(found, Finding{Check: LocalPorts, What: "net.ipv4.vs.sloppy_tcp is on: IPVS may take TCP connections that programs of the director open from a VIP of " + lookup.Listed(names), Remedy: "set it to 0, or " + remedy})
	}
	if names := affected(config.UDP); len(names) > 0 {
		found = append(found, Finding{Check: LocalPorts, What: fmt.Sprintf("net.ipv4.ip_local_port_range (%d-%d) has UDP ports of %s: IPVS may take answers to UDP sockets that programs of the director open on a VIP", low, high, lookup.Listed(names)), Remedy: remedy})
	}
	return found
}

// clustersWith returns the names of the clusters with a port of the range.
func clustersWith(spec *config.Spec, local config.PortRange) []string {
	var names []string
	for i := range spec.Clusters {
		if slices.ContainsFunc(spec.Clusters[i].MarkedPorts(), local.Meets) {
			names = append(names, spec.Clusters[i].Name)
		}
	}
	return names
}

// PortRange reads the two port numbers of net.ipv4.ip_local_port_range.
func PortRange(text string) (low, high uint16, ok bool) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return 0, 0, false
	}
	first, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return 0, 0, false
	}
	last, err := strconv.ParseUint(fields[1], 10, 16)
	return uint16(first), uint16(last), err == nil
}
