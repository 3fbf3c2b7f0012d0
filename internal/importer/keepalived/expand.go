package keepalived

import (
	"math/big"
	"net/netip"
	"slices"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// maxServers is the number of real servers in all services that a file may have. keepalived
// adds each of them to the kernel one by one.
const maxServers = 1 << 20

// A key identifies a service.
type key struct {
	family   config.Family
	mark     uint32
	protocol config.Protocol
	address  netip.AddrPort
}

// expand adds the services of a virtual server: one for each address and mark.
func (r *reader) expand(v *virtual) {
	if v.rejected {
		return
	}
	if v.groupName == "" {
		r.expandEntry(v, entry{first: v.address.Addr(), last: v.address.Addr(), port: v.address.Port(), mark: v.mark, Line: v.Line}, v.timeout)
		return
	}
	g := r.groups[v.groupName]
	if g == nil {
		r.config.AddNotUnderstood(v.Line, "there is no virtual_server_group %s", v.groupName)
		return
	}
	if len(g.entries) == 0 {
		r.config.AddFinding(v.Line, "keepalived ignores this block: virtual_server_group %s is empty", v.groupName)
	}
	if v.netmask != nil {
		r.config.AddFinding(v.Line, "keepalived ignores persistence_granularity for a group")
	}
	timeout := v.timeout
	for _, e := range g.entries {
		if e.mark == 0 && e.port == 0 && timeout == 0 {
			timeout = r.forcedTimeout(v)
		}
	}
	for _, e := range g.entries {
		r.expandEntry(v, e, timeout)
	}
}

// forcedTimeout is the persistence that keepalived gives a service without a port.
func (r *reader) forcedTimeout(v *virtual) (seconds time.Duration) {
	r.config.AddFinding(v.Line, "keepalived makes a service without a port persistent, for %d seconds", defaultTimeout/time.Second)
	return defaultTimeout
}

// expandEntry adds the services of a range of addresses, or of a mark.
func (r *reader) expandEntry(v *virtual, e entry, timeout time.Duration) {
	if e.mark != 0 {
		if r.reserve(v, e, big.NewInt(1)) {
			r.add(v, e.Line, service(v, markFamily(v, e), timeout), e.mark, netip.AddrPort{})
		}
		return
	}
	if e.port == 0 && timeout == 0 {
		timeout = r.forcedTimeout(v)
	}
	if e.first.Is6() && netip.PrefixFrom(e.first, 112).Masked() != netip.PrefixFrom(e.last, 112).Masked() {
		r.config.AddNotUnderstood(e.Line, "keepalived serves only a part of this range: it counts in the last 16 bits of an address")
		return
	}
	if !r.reserve(v, e, e.size()) {
		return
	}
	for addr := e.first; ; addr = addr.Next() {
		r.add(v, e.Line, service(v, config.FamilyOf(addr), timeout), 0, netip.AddrPortFrom(addr, e.port))
		if addr == e.last {
			return
		}
	}
}

// reserve counts the real servers of a number of services. It reports whether the file has
// not too many.
func (r *reader) reserve(v *virtual, e entry, services *big.Int) bool {
	count := new(big.Int).Mul(services, big.NewInt(int64(len(v.all()))))
	if count.Cmp(big.NewInt(int64(maxServers-r.count))) > 0 {
		r.config.AddNotUnderstood(e.Line, "the services of the file have more than %d real servers together", maxServers)
		return false
	}
	r.count += int(count.Int64())
	return true
}

func markFamily(v *virtual, e entry) config.Family {
	switch {
	case e.family != 0:
		return e.family
	case v.family != 0:
		return v.family
	case slices.ContainsFunc(v.servers, func(s *server) bool { return s.method.forwarding != config.Tunnel }):
		return v.familyOfServers()
	}
	return config.IPv4
}

// service returns the service of a virtual server without its key and real servers.
func service(v *virtual, family config.Family, timeout time.Duration) *oldconfig.Service {
	s := &oldconfig.Service{
		Family: family, Scheduler: v.scheduler, Flags: v.flags, Timeout: timeout,
		Netmask: family.Bits(), Name: v.groupName, Line: v.Line,
	}
	if timeout > 0 {
		s.Engine = v.engine
		if v.netmask != nil && v.groupName == "" { // in a group keepalived ignores it
			s.Netmask, s.RawNetmask = v.netmask.length, v.netmask.raw
		}
	}
	return s
}

// add adds a service with its real servers, unless the service is there already.
func (r *reader) add(v *virtual, line oldconfig.Line, s *oldconfig.Service, mark uint32, address netip.AddrPort) {
	s.Mark, s.Address = mark, address
	if mark == 0 {
		s.Protocol = r.protocol(v)
		if s.Protocol != config.UDP {
			r.resetOnePacket(v, s)
		}
	}
	k := key{s.Family, s.Mark, s.Protocol, s.Address}
	if other, found := r.seen[k]; found {
		r.config.AddNotUnderstood(line, "this service is there already, in %s: which settings count depends on keepalived", other)
		return
	}
	r.seen[k] = line
	for _, server := range v.all() {
		if config.FamilyOf(server.address) != s.Family && server.method.forwarding != config.Tunnel {
			r.config.AddNotUnderstood(server.Line, "real server and service have different address families")
			continue
		}
		s.RealServers = append(s.RealServers, oldconfig.RealServer{
			Destination: server.destination(address.Port(), v.groupName != ""), Line: server.Line,
			Fallback: server.sorry && !v.sorryServes(), Disabled: !server.sorry && v.sorryServes() || server.lower > server.upper,
		})
		r.remarkPort(s, server)
	}
	r.config.Services = append(r.config.Services, s)
}

// resetOnePacket does what keepalived does with ops of a service with an address that is not UDP.
func (r *reader) resetOnePacket(v *virtual, s *oldconfig.Service) {
	if s.Flags&ipvs.OnePacket != 0 && !v.opsReset {
		v.opsReset = true
		r.config.AddFinding(v.Line, "keepalived ignores ops: it counts for UDP only")
	}
	s.Flags &^= ipvs.OnePacket
}

// remarkPort records a port that IPVS may write into each packet to a marked port, and one
// that keepalived ignores.
func (r *reader) remarkPort(s *oldconfig.Service, server *server) {
	switch {
	case server.port == 0 || server.port == s.Address.Port():
	case server.method.forwarding != config.NAT:
		r.config.AddFinding(server.Line, "keepalived ignores port %d of real server %s: it counts for NAT only", server.port, server.address)
	case s.Mark != 0:
		r.config.AddPortFinding(s, server.Line, server.address, server.port)
	}
}

// protocol returns the protocol of services with an address.
func (r *reader) protocol(v *virtual) config.Protocol {
	if v.protocol == 0 {
		v.protocol = config.UDP
		r.config.AddFinding(v.Line, "without a line protocol, keepalived serves UDP here, not TCP")
	}
	return v.protocol
}
