package config

// forwarding checks ip-forward against the sysctls for the same kernel setting.
func (c *checker) forwarding() {
	given := c.file.director.ipForward
	if given.unreadable() {
		return
	}
	same := map[string]Family{"net.ipv4.ip_forward": IPv4, "net.ipv4.conf.all.forwarding": IPv4, "net.ipv6.conf.all.forwarding": IPv6}
	for _, sysctl := range c.file.director.sysctls.value {
		family, known := same[sysctl.value.Name]
		if !known || !c.spec.Serves(family) {
			continue
		}
		on := sysctl.value.Value != "0"
		switch {
		case c.spec.Director.IPForward && !on && given.present:
			c.mistake(sysctl.position, "sysctl %s: 0 contradicts ip-forward: true (line %d); remove one", sysctl.value.Name, given.line)
		case c.spec.Director.IPForward && !on:
			c.mistake(sysctl.position, "sysctl %s: 0 contradicts nat forwarding, which needs it; remove it, or set ip-forward: false", sysctl.value.Name)
		case given.valid && !given.value && on:
			c.mistake(sysctl.position, "sysctl %s: %s contradicts ip-forward: false (line %d); remove one", sysctl.value.Name, clip(sysctl.value.Value), given.line)
		}
	}
}

// firstPackets notes a sysctl that has no effect with marks: first-packet. IPVS begins no
// connection with a packet without a mark (tcp_conn_schedule of
// net/netfilter/ipvs/ip_vs_proto_tcp.c).
func (c *checker) firstPackets() {
	given := c.file.director.marks
	if !given.valid || given.value != FirstPacket {
		return
	}
	for _, sysctl := range c.file.director.sysctls.value {
		if sysctl.value.Name == "net.ipv4.vs.sloppy_tcp" && sysctl.value.Value != "0" {
			c.note(sysctl.position, "sysctl %s changes nothing for the clusters: with marks: first-packet (line %d), a packet in the middle of a connection has no mark; use marks: every-packet if IPVS is to take over such connections", sysctl.value.Name, given.line)
		}
	}
}
