package config

import (
	"net/netip"
	"slices"
	"strings"
)

// serverKeys checks the keys of the real servers of one cluster that depend on each other
// or on the cluster.
func (c *checker) serverKeys(i int) {
	in, cluster := c.cluster(i)
	for k := range in.servers.value {
		server := &in.servers.value[k].value
		c.thresholds(server)
		if forwarding := server.forwarding.or(cluster.Forwarding); !server.forwarding.unreadable() && !in.forwarding.unreadable() {
			c.tunnel(server, forwarding)
			c.serverPort(i, server, forwarding)
		}
	}
}

// thresholds checks what the kernel refuses (ip_vs_add_dest of
// net/netfilter/ipvs/ip_vs_ctl.c).
func (c *checker) thresholds(s *fileServer) {
	switch upper, lower := s.upper.value, s.lower.value; {
	case !s.lower.valid || s.upper.unreadable() || lower <= upper:
	case upper == 0:
		c.mistake(s.lower.position, "lower-threshold %d needs an upper-threshold; add one, or remove it", lower)
	default:
		c.mistake(s.lower.position, "lower-threshold %d is above the upper-threshold %d; give a lower one, or leave it out for three quarters", lower, upper)
	}
}

// tunnel checks the encapsulation by the rules of ipvsadm(8).
func (c *checker) tunnel(s *fileServer, forwarding Forwarding) {
	t := &s.tunnel.value
	switch {
	case !s.tunnel.present:
	case forwarding != Tunnel:
		c.mistake(s.tunnel.position, "tunnel is for forwarding: tunnel, and this real server is forwarded by %s; set forwarding: tunnel, or remove tunnel", forwarding)
	case !t.kind.valid:
	case t.kind.value == GUE && !t.port.present:
		c.mistake(t.kind.position, "tunnel type gue has no port; add the UDP port of the real server's tunnel, for example port: 6080")
	case t.kind.value != GUE && t.port.present:
		c.mistake(t.port.position, "tunnel type %s has no port; remove it, or set type: gue", t.kind.value)
	case t.kind.value == IPIP && t.checksum.value != NoChecksum:
		c.mistake(t.checksum.position, "tunnel type ipip has no checksum; remove it, or set type: gue or gre")
	case t.kind.value == GRE && t.checksum.value == RemoteChecksum:
		c.mistake(t.checksum.position, "checksum remcsum is for tunnel type gue; set checksum: csum or none")
	}
}

// serverPort checks the port of a real server. In a persistent service of a mark, the kernel
// keeps the client's port (ip_vs_sched_persist of net/netfilter/ipvs/ip_vs_core.c).
func (c *checker) serverPort(i int, s *fileServer, forwarding Forwarding) {
	in, cluster := c.cluster(i)
	switch place := s.port.position; {
	case s.port.value == 0:
	case in.ftp.present || c.ports[i] != nil && !isOnePort(c.ports[i]):
		c.mistake(place, "port %d needs a cluster of one port: IPVS would send the packets of all ports of this cluster there; remove it, or make a cluster for each port", s.port.value)
	case forwarding != NAT:
		c.mistake(place, "port %d needs nat, and this real server is forwarded by %s, which leaves the port as it is; remove it, or set forwarding: nat", s.port.value, forwarding)
	case !in.persistence.unreadable() && cluster.Persistence > 0:
		c.mistake(place, "port %d has no effect with persistence: IPVS keeps the client's port in persistent services of marks; set persistence: 0 in the cluster, or remove port", s.port.value)
	}
}

// isOnePort reports whether the ranges have a single port number, perhaps of several
// protocols.
func isOnePort(ports []PortRange) bool {
	return !slices.ContainsFunc(ports, func(r PortRange) bool { return r.Low != r.High || r.Low != ports[0].Low })
}

// schedulerKeys checks scheduler-flags and one-packet of one cluster.
func (c *checker) schedulerKeys(i int) {
	in, cluster := c.cluster(i)
	first := map[string]int{}
	for _, flag := range in.flags.value {
		if line, twice := first[flag.value]; twice {
			c.mistake(flag.position, "scheduler flag %s is given twice, first at line %d; remove one", flag.value, line)
			continue
		}
		first[flag.value] = flag.line
		if scheduler, _, _ := strings.Cut(flag.value, "-"); scheduler != cluster.Scheduler && !in.scheduler.unreadable() {
			c.mistake(flag.position, "scheduler flag %s is for scheduler %s, and this cluster has %s; set scheduler: %[2]s, or remove the flag", flag.value, scheduler, cluster.Scheduler)
		}
	}
	if !in.onePacket.value {
		return
	}
	ports := c.ports[i]
	if notUDP := slices.IndexFunc(ports, func(r PortRange) bool { return r.Protocol != UDP }); notUDP >= 0 {
		c.mistake(in.onePacket.position, "one-packet is for UDP, and this cluster marks port %s; remove it, or make a cluster of its own for the UDP ports", ports[notUDP])
	} else if ports != nil && cluster.Forwards(NAT) && !in.forwardingUnreadable() {
		c.note(in.onePacket.position, "with one-packet and nat, answers reach clients from the real server's address instead of the VIP: IPVS keeps no connection to translate them; use direct or tunnel for services that answer")
	}
}

// notOnlyAll checks that the entry all is alone.
func (c *checker) notOnlyAll(entries []item[PortRange]) {
	all := slices.IndexFunc(entries, func(entry item[PortRange]) bool { return entry.value.IsAll() })
	for k, entry := range entries {
		if all >= 0 && k != all && !entry.value.IsAll() {
			c.mistake(entry.position, "port %s is part of all, at line %d; remove one", entry.value, entries[all].line)
		}
	}
}

// forwardingUnreadable reports whether the forwarding of a real server is not known.
func (c *fileCluster) forwardingUnreadable() bool {
	return c.forwarding.unreadable() || slices.ContainsFunc(c.servers.value, func(s item[fileServer]) bool { return s.value.forwarding.unreadable() })
}

// methodsOf lists the forwarding methods of a cluster: "direct and tunnel".
func methodsOf(cluster *Cluster) string {
	var methods []string
	for _, f := range []Forwarding{NAT, Direct, Tunnel} {
		if cluster.Forwards(f) {
			methods = append(methods, f.String())
		}
	}
	return strings.Join(methods, " and ")
}

// namedAsAnother reports a name that is the address of another real server of the cluster:
// commands take either, and would drain or configure the wrong one.
func (c *checker) namedAsAnother(in *fileCluster, lines map[netip.Addr]int) {
	for k := range in.servers.value {
		server := &in.servers.value[k].value
		address, err := netip.ParseAddr(server.name.value)
		if err != nil || !server.name.valid || !server.address.valid || address == server.address.value {
			continue
		}
		if line, found := lines[address]; found {
			c.mistake(server.name.position, "real server name %q is the address of another one, at line %d; give it another name", server.name.value, line)
		}
	}
}
