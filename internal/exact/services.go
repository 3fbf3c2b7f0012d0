package exact

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A served is a service as it serves packets: two that serve in the same way have the same
// signature, whatever their key and the order of their real servers.
type served struct {
	*oldconfig.Service
	signature string
	targets   []target // of packets that the comparison follows behind IPVS
	group     string   // of connections that one template of persistence joins; "" without it
	fixed     []uint16
	keeps     bool // the ports of packets
	leaves    bool // no packet is scheduled: it stays on the director, as after VIP:21
	refuses   bool // no packet is scheduled: the client gets an answer that the port is unreachable
}

// A serviceTable is the services of one family by mark.
type serviceTable struct {
	byMark     map[uint32]*served
	fixesPorts bool
}

// IPVS numbers of linux/ip_vs.h and net/ip_vs.h.
const (
	ftpPort      = 21
	ftpDataPort  = 20
	unprivileged = 1024 // net.ipv4.ip_unprivileged_port_start
)

func newServed(s *oldconfig.Service) *served {
	v := &served{Service: s}
	v.signature = v.sign(0)
	if s.Timeout > 0 {
		v.group = groupOf(s)
	}
	v.targets = v.sentTo()
	for _, r := range s.RealServers {
		if v.rewrites(r) && !slices.Contains(v.fixed, r.Port) {
			v.fixed = append(v.fixed, r.Port)
		}
	}
	return v
}

// groupOf returns what connections of a client have in common that one template joins: the
// mark, or the protocol and address, with the port unless that is 21 (ip_vs_sched_persist of
// net/netfilter/ipvs/ip_vs_core.c).
func groupOf(s *oldconfig.Service) string {
	port := s.Address.Port()
	switch {
	case s.Mark != 0:
		return fmt.Sprintf("fwmark %d", s.Mark)
	case port == ftpPort || port == 0:
		return fmt.Sprintf("%s of %s", s.Protocol, s.Address.Addr())
	}
	return fmt.Sprintf("%s port %d of %s", s.Protocol, port, s.Address.Addr())
}

// rewrites reports whether packets get the port of the real server. Only nat rewrites
// packets. A persistent service with a mark has no port of its own that could equal the
// packet's (ip_vs_sched_persist).
func (v *served) rewrites(r oldconfig.RealServer) bool {
	switch {
	case v.keeps || r.Port == 0 || r.Forwarding != config.NAT || r.RawForwarding != 0:
		return false
	case v.Mark != 0:
		return v.Timeout == 0
	}
	return r.Port != v.Address.Port() && v.Address.Port() != 0
}

// signatureFor returns the signature for packets to a port.
func (v *served) signatureFor(port int) string {
	if port > 0 && slices.Contains(v.fixed, uint16(port)) {
		return v.sign(uint16(port))
	}
	return v.signature
}

// sign lists what decides how a connection is served. Where a real server's port is that
// of the packet, it is kept.
func (v *served) sign(port uint16) string {
	var b strings.Builder
	fmt.Fprintf(&b, "scheduler %s", v.Scheduler)
	for _, flags := range (ipvs.Service{SchedName: v.Scheduler, Flags: v.effectiveFlags()}).DescribeFlags() {
		b.WriteString(", " + flags)
	}
	if v.Timeout > 0 {
		fmt.Fprintf(&b, ", persistence %s", v.Timeout)
		if v.RawNetmask != 0 {
			fmt.Fprintf(&b, " by netmask %#x", v.RawNetmask)
		} else if v.Netmask != v.Family.Bits() {
			fmt.Fprintf(&b, " by /%d", v.Netmask)
		}
	}
	if v.Engine != "" {
		fmt.Fprintf(&b, " engine %s", v.Engine)
	}
	servers := v.servers(port)
	if len(servers) == 0 {
		b.WriteString(", no real servers")
	} else {
		b.WriteString(", to " + strings.Join(servers, ", "))
	}
	return b.String()
}

// effectiveFlags returns the flags that decide how a connection is served: those of the scheduler
// are for sh and mh, and these have no third one (ip_vs_sh.c, ip_vs_mh.c).
func (v *served) effectiveFlags() uint32 {
	const persistent, hashed, third = 1, 2, 0x20 // IP_VS_SVC_F_PERSISTENT, _HASHED, _SCHED3
	flags := v.Flags &^ (persistent | hashed | third)
	if v.Scheduler != "sh" && v.Scheduler != "mh" {
		flags &^= ipvs.SHFallback | ipvs.SHPort
	}
	return flags
}

// sorted returns the active real servers by address and port.
func (v *served) sorted() []oldconfig.RealServer {
	list := slices.Clone(v.active())
	slices.SortFunc(list, func(a, b oldconfig.RealServer) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Port, b.Port))
	})
	return list
}

func (v *served) servers(port uint16) []string {
	list := v.sorted()
	texts := make([]string, len(list))
	for i, r := range list {
		texts[i] = v.server(r, port)
	}
	return texts
}

// active returns the real servers that get packets: fallbacks only if there is no other.
func (v *served) active() []oldconfig.RealServer {
	var list, fallbacks []oldconfig.RealServer
	for _, r := range v.RealServers {
		switch {
		case r.Disabled:
		case r.Fallback:
			fallbacks = append(fallbacks, r)
		default:
			list = append(list, r)
		}
	}
	if len(list) == 0 {
		return fallbacks
	}
	return list
}

func (v *served) server(r oldconfig.RealServer, port uint16) string {
	text := r.Address.String()
	if v.rewrites(r) && r.Port != port {
		text += fmt.Sprintf(" port %d", r.Port)
	}
	text += fmt.Sprintf(" %s weight %d", forwarding(r.Destination), r.Weight)
	if r.UpperThreshold != 0 || r.LowerThreshold != 0 {
		text += fmt.Sprintf(" thresholds %d %d", r.UpperThreshold, r.LowerThreshold)
	}
	return text
}

func forwarding(d ipvs.Destination) string {
	switch {
	case d.RawForwarding != 0:
		return fmt.Sprintf("method %d", d.RawForwarding)
	case d.Forwarding == config.Tunnel && d.Tunnel != (ipvs.Tunnel{}):
		return "tunnel " + d.Tunnel.String()
	}
	return d.Forwarding.String()
}

// ipvsBlock returns rules that look up services in the kernel's order (ip_vs_service_find
// of net/netfilter/ipvs/ip_vs_ctl.c): by mark; by protocol, address and port; for TCP to
// port 20 or an unprivileged port, at port 21; at port 0.
func (c *compiler) ipvsBlock(services []*oldconfig.Service) *block {
	var exact, ftp, all []*rule
	for _, s := range services {
		if s.Family != c.family || s.Mark != 0 {
			continue
		}
		v := newServed(forProtocol(s, s.Protocol == config.UDP))
		port := s.Address.Port()
		switch {
		case port == 0:
			if s.Timeout == 0 { // it serves port 0 only (ip_vs_schedule)
				exact = append(exact, c.serve(v, single(0)))
				other := *v
				other.refuses, v = true, &other
			}
			all = append(all, c.serve(v, nil))
		default:
			exact = append(exact, c.serve(v, single(uint64(port))))
			if port == ftpPort && s.Protocol == config.TCP {
				ftp = append(ftp, c.serve(v.ofData(), newSet(ftpDataPorts())))
			}
		}
	}
	return c.block(slices.Concat(c.markedServices(services), exact, ftp, all))
}

// ofData returns the service at port 21 as it serves data connections.
func (v *served) ofData() *served {
	data := *v
	data.keeps, data.leaves = true, v.Timeout == 0
	data.signature, data.targets = data.sign(0), data.sentTo()
	return &data
}

func ftpDataPorts() []oldconfig.Range {
	return []oldconfig.Range{{Low: number(ftpDataPort), High: number(ftpDataPort)}, {Low: number(unprivileged), High: number(65535)}}
}

func (c *compiler) serve(v *served, ports set) *rule {
	at := addressNumber(v.Address.Addr())
	tests := []test{
		{protocol, c.set(single(uint64(v.Protocol)))},
		{destination, c.set(set{{Low: at, High: at}})},
	}
	if ports != nil {
		tests = append(tests, test{destinationPort, c.set(ports)})
	}
	return c.rule([]segment{{tests: tests, actions: []*action{c.action("", &action{Action: oldconfig.Action{Kind: oldconfig.NoEffect}, serve: v})}}}, nil)
}

// serve looks a packet up in IPVS.
func (m *machine) serve(a *action) (missed bool, v verdict, leaves bool) {
	s, port := a.serve, a.port
	if a.services != nil {
		if s = a.services.byMark[m.mark]; m.mark == 0 || s == nil {
			return false, continues, false
		}
		if m.packet != nil {
			port = int(m.values[destinationPort].Low)
		}
	} else if m.packet != nil {
		port = int(m.values[destinationPort].Low)
	}
	m.end.by, m.end.mark = s, m.mark
	switch {
	case m.packet != nil && m.values[sourcePort] == number(ftpDataPort), s.leaves:
		m.end.by = nil // never scheduled: ip_vs_schedule
	case s.refuses, len(s.active()) == 0:
		m.end.fate = refused
	default:
		m.end.fate, m.end.service, m.end.group = serving, s.signatureFor(port), s.group
	}
	return false, ends, true
}
