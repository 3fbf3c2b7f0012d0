package keepalived

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// defaultTimeout is the persistence without a number (IPVS_SVC_PERSISTENT_TIMEOUT of
// keepalived; that of ipvsadm is another).
const defaultTimeout = 360 * time.Second

// A virtual is a block virtual_server.
type virtual struct {
	groupName string // else mark, or address
	mark      uint32
	address   netip.AddrPort

	family     config.Family // 0: not known yet
	protocol   config.Protocol
	scheduler  string
	flags      uint32
	forwarding *method // nil: not set
	timeout    time.Duration
	netmask    *netmask // nil: that of one client
	engine     string
	weight     int

	opsReset bool // a finding says that keepalived ignores ops
	servers  []*server
	known    map[netip.AddrPort]bool // addresses of servers
	sorry    *server
	checked  bool // a check is recorded
	rejected bool // keepalived would ignore the block, or it is not understood
	oldconfig.Line
}

type netmask struct {
	length int
	raw    uint32
}

// A method is a forwarding method with its tunnel.
type method struct {
	forwarding config.Forwarding
	tunnel     ipvs.Tunnel
}

// virtual reads a block. It returns nil if the block does not name its service.
func (r *reader) virtual(n *node) *virtual {
	v := &virtual{weight: 1, known: make(map[netip.AddrPort]bool), Line: n.Line}
	switch n.word(1) {
	case "group":
		if v.groupName = n.word(2); v.groupName == "" {
			r.config.AddNotUnderstood(n.Line, "virtual_server group has no name")
			return nil
		}
	case "fwmark":
		mark, ok := value.Number(n.word(2), 1, 1<<32-1)
		if !ok {
			r.config.AddNotUnderstood(n.Line, "fwmark %q is not a number from 1 to 4294967295", n.word(2))
			return nil
		}
		v.mark = uint32(mark)
	default:
		address, ok := endpoint(n.words[1:])
		if !ok {
			r.config.AddNotUnderstood(n.Line, "virtual_server has another form than ADDRESS PORT, fwmark MARK, group NAME")
			return nil
		}
		v.address, v.family = address, config.FamilyOf(address.Addr())
	}
	for _, s := range n.block {
		if !r.opaque(s) {
			r.setting(v, s)
		}
	}
	r.settle(v)
	return v
}

// endpoint parses "ADDRESS [PORT]".
func endpoint(words []string) (netip.AddrPort, bool) {
	if len(words) == 0 || len(words) > 2 {
		return netip.AddrPort{}, false
	}
	addr, ok := value.Address(words[0])
	port := uint64(0)
	if ok && len(words) == 2 {
		port, ok = value.Number(words[1], 0, 65535)
	}
	return netip.AddrPortFrom(addr, uint16(port)), ok
}

// setting reads a statement of virtual_server.
func (r *reader) setting(v *virtual, n *node) {
	switch n.words[0] {
	case "lb_algo", "lvs_sched":
		r.setScheduler(v, n)
	case "lb_kind", "lvs_method":
		if m, ok := r.method(n); ok {
			v.forwarding = m
		}
	case "persistence_timeout":
		r.setTimeout(v, n)
	case "persistence_granularity":
		r.setNetmask(v, n)
	case "persistence_engine":
		v.engine = n.word(1)
	case "protocol":
		r.setProtocol(v, n)
	case "ip_family":
		r.setFamily(v, n)
	case "ops", "flag-1", "flag-2", "flag-3", "sh-port", "sh-fallback", "mh-port", "mh-fallback":
		r.setFlag(v, n)
	case "weight":
		r.number(n, &v.weight, 1)
	case "real_server":
		r.server(v, n)
	case "sorry_server":
		r.sorryServer(v, n)
	case "sorry_server_lvs_method":
		if m, ok := r.method(n); ok && v.sorry != nil {
			v.sorry.method = m
		}
	default:
		r.supervision(v, n)
	}
}

// supervision reads the statements about checks, quorum and the daemon: a spec has none of
// them.
func (r *reader) supervision(v *virtual, n *node) {
	switch n.words[0] {
	case "quorum", "hysteresis", "alpha", "omega", "ha_suspend", "inhibit_on_failure", "sorry_server_inhibit":
		r.config.AddFinding(n.Line, "%s is not part of a spec: lvsmark does not check real servers", strings.Join(n.words, " "))
	case "quorum_up", "quorum_down":
		r.script(n)
	case "delay_loop", "connect_timeout", "retry", "delay_before_retry", "warmup", "smtp_alert", "virtualhost", "snmp_name":
		// They belong to checks, which have a finding.
	case "nat_mask", "hashed":
		// keepalived takes them and does nothing.
	default:
		r.config.AddNotUnderstood(n.Line, "%s is unknown in virtual_server", n.words[0])
	}
}

func (r *reader) setScheduler(v *virtual, n *node) {
	switch n.word(1) {
	case "rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos":
		v.scheduler = n.word(1)
	default:
		r.config.AddNotUnderstood(n.Line, "scheduler %q is unknown to keepalived", n.word(1))
	}
}

func (r *reader) setTimeout(v *virtual, n *node) {
	v.timeout = defaultTimeout
	if len(n.words) < 2 {
		r.config.AddFinding(n.Line, "persistence_timeout without a number is %d seconds", defaultTimeout/time.Second)
		return
	}
	seconds, ok := value.Number(n.words[1], 1, maxTimeout)
	v.timeout = time.Duration(seconds) * time.Second
	switch {
	case !ok:
		v.timeout = 0
		r.config.AddNotUnderstood(n.Line, "persistence_timeout is not a number of seconds from 1 to %d", maxTimeout)
	case seconds == 1:
		r.config.AddOneSecond(n.Line, "persistence_timeout 1")
	}
}

// setNetmask reads persistence_granularity, which switches persistence on.
func (r *reader) setNetmask(v *virtual, n *node) {
	family, text := v.family, n.word(1)
	if family == 0 {
		family = config.IPv6
		if strings.Contains(text, ".") {
			family = config.IPv4
		}
	}
	var m netmask
	var ok bool
	if family == config.IPv4 {
		m.length, m.raw, ok = value.Netmask(text)
	} else {
		length, isNumber := value.Number(text, 1, 128)
		m.length, ok = int(length), isNumber
	}
	if !ok {
		r.config.AddNotUnderstood(n.Line, "persistence_granularity %q is not a netmask of %s", text, family)
		return
	}
	v.family, v.netmask = family, &m
	if v.timeout == 0 {
		v.timeout = defaultTimeout
	}
}

func (r *reader) setProtocol(v *virtual, n *node) {
	switch strings.ToUpper(n.word(1)) {
	case "TCP":
		v.protocol = config.TCP
	case "UDP":
		v.protocol = config.UDP
	case "SCTP":
		v.protocol = value.SCTP
	default:
		r.config.AddNotUnderstood(n.Line, "protocol %q is unknown to keepalived", n.word(1))
	}
}

func (r *reader) setFamily(v *virtual, n *node) {
	family := map[string]config.Family{"inet": config.IPv4, "inet6": config.IPv6}[n.word(1)]
	if family == 0 || v.family != 0 && v.family != family {
		r.config.AddNotUnderstood(n.Line, "ip_family %q does not fit the service", n.word(1))
		return
	}
	v.family = family
}

// setFlag reads a flag. Those of sh and mh count only behind the line of their scheduler.
func (r *reader) setFlag(v *virtual, n *node) {
	name := n.words[0]
	if name == "ops" {
		v.flags |= ipvs.OnePacket
		return
	}
	owner, _, _ := strings.Cut(name, "-")
	if owner != "flag" && owner != v.scheduler {
		r.config.AddFinding(n.Line, "keepalived ignores %s: no line before it sets lvs_sched %s", name, owner)
		return
	}
	v.flags |= ipvs.SHFallback * map[string]uint32{
		"flag-1": 1, "flag-2": 2, "flag-3": 4, "sh-fallback": 1, "sh-port": 2, "mh-fallback": 1, "mh-port": 2,
	}[name]
}

// settle sets what keepalived sets after the block.
func (r *reader) settle(v *virtual) {
	if len(v.servers) == 0 {
		v.rejected = true
		r.config.AddFinding(v.Line, "keepalived ignores this block: it has no real server")
	}
	if v.scheduler == "" {
		v.scheduler = "wlc"
	}
	if v.forwarding == nil {
		v.forwarding = &method{forwarding: config.NAT}
	}
	for _, s := range v.servers {
		if s.method == nil {
			s.method = v.forwarding
		}
		if !s.weighted {
			s.weight = v.weight
		}
	}
	if v.sorry != nil && v.sorry.method == nil {
		v.sorry.method = v.forwarding
	}
	if v.family == 0 && v.groupName == "" {
		v.family = v.familyOfServers()
	}
	if v.sorryServes() {
		r.config.AddFinding(v.Line, "all real servers have weight 0: keepalived uses the sorry server in place of them")
	}
}

// sorryServes reports whether keepalived uses the sorry server from the beginning: the
// quorum of real servers that all have weight 0 is not reached.
func (v *virtual) sorryServes() bool {
	return v.sorry != nil && !slices.ContainsFunc(v.servers, func(s *server) bool { return s.weight > 0 })
}

// familyOfServers returns the family that all real servers have. A service whose servers
// are tunneled to several families is IPv4.
func (v *virtual) familyOfServers() config.Family {
	family := config.Family(0)
	for _, s := range v.all() {
		of := config.FamilyOf(s.address)
		switch {
		case s.method.forwarding != config.Tunnel:
			return of
		case family != 0 && family != of:
			return config.IPv4
		}
		family = of
	}
	if family == 0 {
		return config.IPv4
	}
	return family
}

// all returns the real servers, and the sorry server last.
func (v *virtual) all() []*server {
	if v.sorry == nil {
		return v.servers
	}
	return append(v.servers[:len(v.servers):len(v.servers)], v.sorry)
}
