// Package config reads what the operator wrote: strict YAML in, a typed and
// checked Spec out. It knows no kernel. The format is described in docs/spec.md.
package config

import (
	"net/netip"
	"slices"
	"time"
)

// Defaults of the spec: what is left out has these values.
const (
	DefaultFile        = "/etc/lvsmark/lvsmark.yaml"
	DefaultTable       = "lvsmark"
	DefaultScheduler   = "wlc"
	DefaultPersistence = 5 * time.Minute
	DefaultControlPort = 21
	DefaultActivePort  = 20
	DefaultPassiveLow  = 10000
	DefaultPassiveHigh = 20000
	DefaultWeight      = 1
)

// Ports of FTP over implicit TLS, ftps and ftps-data of the IANA registry.
const (
	implicitControlPort = 990
	implicitActivePort  = 989
)

// A Spec is one whole file: the clusters of a director and the director
// itself. A Spec that Parse returned is valid: what the other packages are told
// in it needs no second check.
type Spec struct {
	Clusters []Cluster // in the order of the file
	Director Director
}

// A Cluster is a set of VIPs whose packets, on a set of ports, carry one
// fwmark, and the real servers that the mark's IPVS service schedules to.
type Cluster struct {
	Name  string // [A-Za-z0-9][A-Za-z0-9._-]*, at most 64 bytes; unique
	Mark  uint32 // 1 … 0xffffffff; unique per address family; host byte order
	VIPs  []netip.Addr
	FTP   *FTP        // nil: no FTP cluster, Ports says what is marked
	Ports []PortRange // nil in an FTP cluster; see MarkedPorts

	VIPDevice   string // apply puts the VIPs on this device; empty: it does not
	Forwarding  Forwarding
	Scheduler   string        // name of an IPVS scheduler: rr, wlc, sh, …
	Persistence time.Duration // whole seconds; 0: none

	// PersistenceNetmask is the prefix length by which clients are grouped;
	// 0: the whole address (32 in IPv4, 128 in IPv6).
	PersistenceNetmask int

	RealServers []RealServer
}

// FTP is what makes a cluster an FTP cluster.
type FTP struct {
	ControlPorts []uint16  // where clients connect first; 21, and 990 for implicit TLS
	PassivePorts PortRange // where servers listen for data connections (PASV, EPSV); TCP
	Active       *ActiveData
}

// ActiveData says how data connections that a real server opens itself (PORT,
// EPRT) leave the director. It is nil where forwarding is not nat: such real
// servers reach clients without the director.
type ActiveData struct {
	Translate Translation
	Sources   []netip.Prefix // masked; of the families of the cluster
	Ports     []uint16       // source ports of the real servers' connections; 20, and 989 for implicit TLS
}

// A RealServer serves the VIPs of its own address family.
type RealServer struct {
	Name    string // empty when the file gives none
	Address netip.Addr
	Weight  int // 0 … 65535; 0: no new connections
}

// Director holds what concerns the director as a whole.
type Director struct {
	Table     string // name of the nftables tables, one per family
	Bind      bool   // false: marks only, IPVS is somebody else's
	IPForward bool
	Timeouts  Timeouts
	Sysctls   []Sysctl // sorted by name
}

// Timeouts are those of IPVS connections, in whole seconds; 0: leave as it is.
// See ipvsadm(8), --set.
type Timeouts struct {
	TCP, TCPFin, UDP time.Duration
}

// A Sysctl is a kernel parameter below net., in dotted form. Value is compared
// and written as text.
type Sysctl struct {
	Name, Value string
}

// VIPsOf returns the cluster's VIPs of one family, in the order of the file. They
// are to be read only.
func (c *Cluster) VIPsOf(f Family) []netip.Addr {
	isOther := func(vip netip.Addr) bool { return !f.holds(vip) }
	if !slices.ContainsFunc(c.VIPs, isOther) {
		return c.VIPs
	}
	vips := make([]netip.Addr, 0, len(c.VIPs))
	for _, vip := range c.VIPs {
		if f.holds(vip) {
			vips = append(vips, vip)
		}
	}
	return vips
}

// RealServersOf returns the cluster's real servers of one family, in the order
// of the file.
func (c *Cluster) RealServersOf(f Family) []RealServer {
	servers := make([]RealServer, 0, len(c.RealServers))
	for _, server := range c.RealServers {
		if FamilyOf(server.Address) == f {
			servers = append(servers, server)
		}
	}
	return servers
}

// Serves reports whether the cluster has VIPs of the family.
func (c *Cluster) Serves(f Family) bool {
	return slices.ContainsFunc(c.VIPs, f.holds)
}

// MarkedPorts returns the ports whose packets carry the cluster's mark, in
// canonical form: overlapping and adjacent ranges merged, then the widest range
// first (in an FTP cluster, that of the data connections), TCP before UDP,
// lower before higher.
//
// Under direct and tunnel forwarding the ports of active data are among them: a
// real server opens such a connection from the VIP, and what the client answers
// comes to the director, for IPVS to hand on to the same real server
// (tcp_conn_schedule in net/netfilter/ipvs/ip_vs_proto_tcp.c schedules SYN+ACK
// for that). Under nat the director's own translation leads it back.
func (c *Cluster) MarkedPorts() []PortRange {
	if c.FTP == nil {
		return mergePorts(c.Ports)
	}
	ports := []PortRange{c.FTP.PassivePorts}
	for _, port := range c.FTP.ControlPorts {
		ports = append(ports, onePort(port))
	}
	if c.Forwarding != NAT {
		for _, port := range c.ActivePorts() {
			ports = append(ports, onePort(port))
		}
	}
	return mergePorts(ports)
}

// ActivePorts returns the ports from which real servers open active data
// connections: those that the file names, or ftp-data (20) and, beside a control
// port of implicit TLS, ftps-data (989). It is nil in a cluster without FTP.
func (c *Cluster) ActivePorts() []uint16 {
	switch {
	case c.FTP == nil:
		return nil
	case c.FTP.Active != nil:
		return c.FTP.Active.Ports
	}
	var ports []uint16
	for _, control := range c.FTP.ControlPorts {
		port := uint16(DefaultActivePort)
		if control == implicitControlPort {
			port = implicitActivePort
		}
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports
}

func onePort(port uint16) PortRange { return PortRange{Protocol: TCP, Low: port, High: port} }
