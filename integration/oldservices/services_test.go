package oldservices

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A service is one service of IPVS, with the packets that belong to it.
type service struct {
	mark      uint32 // 0: the service has an address
	vip       string
	ports     []uint16 // the first one is that of a service with an address
	scheduler string
	timeout   int // of persistence, in seconds; 0: off
	sourceNAT bool
	servers   []server
}

type server struct {
	address string
	port    uint16 // 0: that of the packet
	weight  int
	method  string // as in spec
}

// all are the ports that a test sends packets to. 20 and those from 1024 on belong to a
// persistent service at port 21.
var all = []uint16{20, 21, 80, 443, 1500, 30000}

// randomServices returns one to three services at different VIPs.
func randomServices(r *rand.Rand) []service {
	list := make([]service, 1+r.IntN(3))
	for i := range list {
		s := &list[i]
		s.vip, s.scheduler = vip(i), []string{"rr", "wrr"}[r.IntN(2)]
		if r.IntN(2) == 0 {
			s.timeout = 60 * (1 + r.IntN(5))
		}
		switch r.IntN(4) {
		case 0:
			s.ports = []uint16{80}
		case 1:
			s.ports, s.timeout = []uint16{21}, 300
		default:
			s.mark = uint32(1 + r.IntN(1000)*3 + i)
			for _, p := range all {
				if r.IntN(2) == 0 || len(s.ports) == 0 {
					s.ports = append(s.ports, p)
				}
			}
		}
		s.addServers(r)
	}
	return list
}

func vip(i int) string { return fmt.Sprintf("198.51.100.%d", 20+i) }

func (s *service) addServers(r *rand.Rand) {
	methods := []string{"nat", "nat", "direct", "tunnel"}
	for i := range 2 + r.IntN(2) {
		m := server{address: fmt.Sprintf("10.0.0.%d", 11+i), weight: 1 + r.IntN(2), method: methods[r.IntN(4)]}
		if s.mark == 0 {
			m.port = s.ports[0] // as ipvsadm demands for direct and tunnel
			if m.method == "nat" && s.timeout == 0 && r.IntN(2) == 0 {
				m.port = 8080
			}
		}
		s.servers = append(s.servers, m)
	}
	s.sourceNAT = r.IntN(3) == 0 && s.onlyNAT()
}

func (s *service) onlyNAT() bool {
	for _, m := range s.servers {
		if m.method != "nat" {
			return false
		}
	}
	return true
}

// rules returns the rules of iptables: marks, and translations of packets to real servers.
func rules(list []service) string {
	mangle := strings.Builder{}
	for _, s := range list {
		if s.mark != 0 {
			fmt.Fprintf(&mangle, "-A PREROUTING -d %s/32 -p tcp -m multiport --dports %s -j MARK --set-mark %d\n", s.vip, joined(s.ports), s.mark)
		}
	}
	return "*mangle\n" + mangle.String() + "COMMIT\n" + kept(list)
}

// kept returns the rules that stay when the spec is applied.
func kept(list []service) string {
	nat := strings.Builder{}
	for _, s := range list {
		if s.sourceNAT {
			fmt.Fprintf(&nat, "-A POSTROUTING -m ipvs --vaddr %s/32 -j MASQUERADE\n", s.vip)
		}
	}
	return "*nat\n" + nat.String() + "COMMIT\n"
}

func joined(ports []uint16) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ports), " ", ","), "[]")
}

// setting returns net.ipv4.vs.conntrack, which source-nat needs.
func setting(list []service) string {
	for _, s := range list {
		if s.sourceNAT {
			return "1"
		}
	}
	return "0"
}

// languages are the ways in which people write services.
var languages = map[string]func([]service) string{"ipvsadm": ipvsadm, "keepalived": keepalived, "ldirectord": ldirectord}

func ipvsadm(list []service) string {
	var b strings.Builder
	for _, s := range list {
		key := "-f " + fmt.Sprint(s.mark)
		if s.mark == 0 {
			key = fmt.Sprintf("-t %s:%d", s.vip, s.ports[0])
		}
		persistence := ""
		if s.timeout > 0 {
			persistence = fmt.Sprintf(" -p %d", s.timeout)
		}
		fmt.Fprintf(&b, "-A %s -s %s%s\n", key, s.scheduler, persistence)
		for _, m := range s.servers {
			flag := map[string]string{"nat": "-m", "direct": "-g", "tunnel": "-i"}[m.method]
			fmt.Fprintf(&b, "-a %s -r %s:%d %s -w %d\n", key, m.address, m.port, flag, m.weight)
		}
	}
	return b.String()
}

func keepalived(list []service) string {
	var b strings.Builder
	for _, s := range list {
		key := "fwmark " + fmt.Sprint(s.mark)
		if s.mark == 0 {
			key = fmt.Sprintf("%s %d", s.vip, s.ports[0])
		}
		fmt.Fprintf(&b, "virtual_server %s {\n  lb_algo %s\n  lb_kind NAT\n  protocol TCP\n", key, s.scheduler)
		if s.timeout > 0 {
			fmt.Fprintf(&b, "  persistence_timeout %d\n", s.timeout)
		}
		for _, m := range s.servers {
			kind := map[string]string{"nat": "NAT", "direct": "DR", "tunnel": "TUN"}[m.method]
			fmt.Fprintf(&b, "  real_server %s %d {\n    weight %d\n    lvs_method %s\n  }\n", m.address, m.port, m.weight, kind)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func ldirectord(list []service) string {
	b := strings.Builder{}
	for _, s := range list {
		key, protocol := fmt.Sprint(s.mark), "fwm"
		if s.mark == 0 {
			key, protocol = fmt.Sprintf("%s:%d", s.vip, s.ports[0]), "tcp"
		}
		fmt.Fprintf(&b, "virtual=%s\n", key)
		for _, m := range s.servers {
			kind := map[string]string{"nat": "masq", "direct": "gate", "tunnel": "ipip"}[m.method]
			fmt.Fprintf(&b, "\treal=%s:%d %s %d\n", m.address, m.port, kind, m.weight)
		}
		fmt.Fprintf(&b, "\tscheduler=%s\n\tprotocol=%s\n\tchecktype=on\n", s.scheduler, protocol)
		if s.timeout > 0 {
			fmt.Fprintf(&b, "\tpersistent=%d\n", s.timeout)
		}
	}
	return b.String()
}

// spec returns a spec that does the same.
func spec(list []service) string {
	b := strings.Builder{}
	b.WriteString("clusters:\n")
	for i, s := range list {
		ports := joined(s.ports)
		if s.mark == 0 && s.ports[0] == 21 {
			ports = "20, 21, 1024-65535" // ip_vs_service_find
		}
		fmt.Fprintf(&b, "  - name: c%d\n    mark: %d\n    vips: [%s]\n    ports: [%s]\n", i, 5000+i, s.vip, strings.ReplaceAll(ports, ",", ", "))
		fmt.Fprintf(&b, "    scheduler: %s\n    persistence: %ds\n", s.scheduler, s.timeout)
		if s.sourceNAT {
			b.WriteString("    source-nat: masquerade\n")
		}
		b.WriteString("    real-servers:\n")
		for _, m := range s.servers {
			fmt.Fprintf(&b, "      - {address: %s, weight: %d, forwarding: %s", m.address, m.weight, m.method)
			if m.port == 8080 {
				b.WriteString(", port: 8080")
			}
			b.WriteString("}\n")
		}
	}
	return b.String()
}

// changed returns services with one change that connections show, and its name.
func changed(r *rand.Rand, list []service) (_ []service, what string) {
	copied := append([]service(nil), list...)
	s := &copied[r.IntN(len(copied))]
	s.servers = append([]server(nil), s.servers...)
	last := len(s.servers) - 1
	switch r.IntN(7) {
	case 0:
		s.servers = s.servers[:last]
		return copied, "a server less"
	case 1:
		s.servers = append(s.servers, server{address: "10.0.0.20", weight: 1, method: "nat"})
		s.sourceNAT = s.sourceNAT && s.onlyNAT()
		return copied, "a server more"
	case 2:
		s.servers[0].weight = 0
		return copied, "weight 0"
	case 3:
		s.vip = "198.51.100.29"
		return copied, "another VIP"
	case 4:
		if s.servers[0].method == "nat" && s.servers[0].port != 8080 {
			s.servers[0].method, s.sourceNAT = "direct", false
			return copied, "another method"
		}
	case 5:
		if s.onlyNAT() && !s.sourceNAT { // a rule that translates stays
			s.sourceNAT = true
			return copied, "source-nat"
		}
	}
	if s.timeout > 0 {
		s.timeout = 0
	} else if s.timeout = 300; true {
		for i := range s.servers {
			s.servers[i].port = min(s.servers[i].port, 79) // 0, or the port that the service keeps
		}
	}
	return copied, "persistence"
}
