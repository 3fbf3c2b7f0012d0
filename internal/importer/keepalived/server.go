package keepalived

import (
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A server is a block real_server, or a line sorry_server.
type server struct {
	address      netip.Addr
	port         uint16
	weight       int
	weighted     bool // weight is set
	method       *method
	upper, lower int
	sorry        bool
	oldconfig.Line
}

// server reads a block real_server.
func (r *reader) server(v *virtual, n *node) {
	address, ok := endpoint(n.words[1:])
	if !ok {
		r.config.AddNotUnderstood(n.Line, "real_server has another form than ADDRESS PORT")
		return
	}
	s := &server{address: address.Addr(), port: address.Port(), method: v.forwarding, Line: n.Line}
	for _, setting := range n.block {
		if !r.opaque(setting) {
			r.serverSetting(v, s, setting)
		}
	}
	if v.known[address] {
		r.config.AddFinding(n.Line, "keepalived ignores this real server: it is there already")
		return
	}
	v.known[address] = true
	if s.lower > s.upper {
		r.config.AddFinding(n.Line, "the kernel refuses this real server: lthreshold is above uthreshold")
	}
	v.servers = append(v.servers, s)
}

func (r *reader) sorryServer(v *virtual, n *node) {
	address, ok := endpoint(n.words[1:])
	if !ok {
		r.config.AddNotUnderstood(n.Line, "sorry_server has another form than ADDRESS PORT")
		return
	}
	v.sorry = &server{
		address: address.Addr(), port: address.Port(), weight: 1, weighted: true, method: v.forwarding, sorry: true, Line: n.Line,
	}
	r.config.AddFinding(n.Line, "sorry_server is not part of a spec: lvsmark does not check real servers")
}

// serverSetting reads a statement of real_server.
func (r *reader) serverSetting(v *virtual, s *server, n *node) {
	switch n.words[0] {
	case "weight":
		s.weighted = r.number(n, &s.weight, 0)
	case "lvs_method":
		if m, ok := r.method(n); ok {
			s.method = m
		}
	case "uthreshold":
		r.number(n, &s.upper, 0)
	case "lthreshold":
		r.number(n, &s.lower, 0)
	case "inhibit_on_failure", "alpha":
		r.config.AddFinding(n.Line, "%s is not part of a spec: lvsmark does not check real servers", strings.Join(n.words, " "))
	case "notify_up", "notify_down":
		r.script(n)
	case "delay_loop", "connect_timeout", "retry", "delay_before_retry", "warmup", "smtp_alert", "virtualhost", "snmp_name":
		// They belong to checks, which have a finding.
	case "TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK", "MISC_CHECK", "BFD_CHECK", "UDP_CHECK",
		"PING_CHECK", "FILE_CHECK":
		if !v.checked {
			r.config.AddFinding(n.Line, "%s is not part of a spec: lvsmark does not check real servers", n.words[0])
			v.checked = true
		}
	default:
		r.config.AddNotUnderstood(n.Line, "%s is unknown in real_server", n.words[0])
	}
}

// number reads "NAME NUMBER".
func (r *reader) number(n *node, field *int, low uint64) bool {
	high := uint64(math.MaxUint32)
	if n.words[0] == "weight" {
		high = math.MaxInt32 // as keepalived has it
	}
	number, ok := value.Number(n.word(1), low, high)
	if !ok {
		r.config.AddNotUnderstood(n.Line, "%s %q is not a number from %d to %d", n.words[0], n.word(1), low, high)
		return false
	}
	*field = int(number)
	return true
}

// method reads "lvs_method NAT", or a tunnel with its options.
func (r *reader) method(n *node) (*method, bool) {
	m := &method{}
	switch n.word(1) {
	case "NAT":
		m.forwarding = config.NAT
	case "DR":
		m.forwarding = config.Direct
	case "TUN":
		m.forwarding = config.Tunnel
	default:
		r.config.AddNotUnderstood(n.Line, "method %q is none of NAT, DR, TUN", n.word(1))
		return nil, false
	}
	if !m.setTunnel(n.words[2:]) {
		r.config.AddNotUnderstood(n.Line, "the options of the tunnel are not understood")
		return nil, false
	}
	return m, true
}

// setTunnel reads "type gue port 6080 csum".
func (m *method) setTunnel(words []string) bool {
	if len(words) > 0 && m.forwarding != config.Tunnel {
		return false
	}
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		switch flags := slices.Index([]string{"nocsum", "csum", "remcsum"}, word); {
		case flags >= 0:
			m.tunnel.Flags = uint16(flags)
		case len(words) == 0:
			return false
		case word == "type":
			kind := slices.Index([]string{"ipip", "gue", "gre"}, words[0])
			if kind < 0 {
				return false
			}
			m.tunnel.Type, words = uint8(kind), words[1:]
		case word == "port":
			port, ok := value.Number(words[0], 1, 65535)
			if !ok {
				return false
			}
			m.tunnel.Port, words = uint16(port), words[1:]
		default:
			return false
		}
	}
	isGUE, hasPort := m.tunnel.Type == 1, m.tunnel.Port != 0
	return isGUE == hasPort && (m.tunnel.Flags == 0 || m.tunnel.Type != 0) && (m.tunnel.Flags != 2 || isGUE)
}

// destination returns the real server of a service with that port. A port of its own counts
// for NAT only; without one it is the service's, which is 0 for a mark. With NAT in a group,
// and for a sorry server, it stays 0, which means the same to IPVS.
func (s *server) destination(servicePort uint16, grouped bool) ipvs.Destination {
	d := ipvs.Destination{
		Address: s.address, Port: s.port, Weight: s.weight, Forwarding: s.method.forwarding, Tunnel: s.method.tunnel,
		UpperThreshold: uint32(s.upper), LowerThreshold: uint32(s.lower),
	}
	if d.Port == 0 && !grouped && !s.sorry || d.Forwarding != config.NAT {
		d.Port = servicePort
	}
	return d
}
