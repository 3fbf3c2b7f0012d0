// Package config parses the operator's spec: it reads strict YAML and returns a
// typed, checked Spec. It does not access the kernel. docs/spec.md describes the
// format.
package config

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Defaults of the keys of the spec.
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

// Ports of FTP over implicit TLS: ftps and ftps-data in the IANA registry.
const (
	implicitControlPort = 990
	implicitActivePort  = 989
)

// A Spec is the content of one file: the clusters of a director and the settings of
// the director itself. Parse returns only valid specs, so other packages do not
// check them again.
type Spec struct {
	Clusters []Cluster // in the order of the file
	Director Director
}

// A Cluster is a set of VIPs whose packets, on a set of ports, carry one
// fwmark, and the real servers that the mark's IPVS service schedules to.
type Cluster struct {
	Name  string // [A-Za-z0-9][A-Za-z0-9._-]*, at most 64 bytes; unique
	Mark  uint32 // 1 … 0xffffffff; unique per address family; host byte order
	VIPs  []AddressRange
	FTP   *FTP        // nil: not an FTP cluster; Ports are marked
	Ports []PortRange // nil in an FTP cluster; see MarkedPorts

	Only        *Only         // which packets get the mark; nil: all packets to the VIPs and ports
	VIPDevice   string        // apply adds the VIPs to this device; empty: to no device
	Forwarding  Forwarding    // default of the real servers; see Forwards
	SourceNAT   SourceNAT     // of real servers with NAT
	Scheduler   string        // name of an IPVS scheduler: rr, wlc, sh, …
	Hash        HashFlags     // of the schedulers sh and mh
	OnePacket   bool          // each UDP packet is scheduled on its own; UDP only
	Persistence time.Duration // whole seconds; 0: off

	// PersistenceNetmask is the prefix length by which clients are grouped;
	// 0: the whole address (32 in IPv4, 128 in IPv6).
	PersistenceNetmask int

	RealServers []RealServer
}

// HashFlags are the flags of the schedulers sh and mh; see ipvsadm(8), --sched-flags.
type HashFlags struct {
	Port     bool // sh-port, mh-port: hash the client's port too
	Fallback bool // sh-fallback, mh-fallback: another real server replaces an unusable one
}

// FTP has the settings of an FTP cluster.
type FTP struct {
	ControlPorts []uint16    // where clients connect first; 21, and 990 for implicit TLS
	PassivePorts []PortRange // where servers listen for data connections (PASV, EPSV); TCP; at least one
	Shards       int         // the number of parts of PassivePorts, see ShardPorts; 0: PassivePorts is one
	ShardMarks   uint32      // the mark of shard 0, the next ones follow; host byte order; 0 without shards
	Active       *ActiveData
}

// ActiveData has the settings of data connections that real servers open (PORT,
// EPRT). It is nil if no real server is forwarded by nat: the others reach clients
// without the director.
type ActiveData struct {
	Translate Translation
	Sources   []netip.Prefix // masked; of the families of the cluster
	Ports     []uint16       // source ports of the real servers' connections; 20, and 989 for implicit TLS
}

// A RealServer serves the VIPs of its own address family.
type RealServer struct {
	Name    string // may be empty
	Address netip.Addr
	Port    uint16 // 0: the client's destination port; else for nat in a cluster of one port
	Weight  int    // 0 … 65535; 0: no new connections

	// With UpperThreshold connections or more, the real server gets no new ones until it
	// has fewer than LowerThreshold (0: three quarters of UpperThreshold). 0: no limit.
	UpperThreshold, LowerThreshold uint32

	Forwarding    Forwarding
	Encapsulation Encapsulation // for Tunnel; else zero

	Shard int // the passive shard where it listens; 0 without shards
}

// Is reports whether the text is the name or the address of the real server, in any notation:
// FD00:0::11 is fd00::11.
func (s *RealServer) Is(text string) bool {
	address, err := netip.ParseAddr(text)
	return s.Name == text && text != "" || err == nil && s.Address == address.Unmap()
}

// Director has the settings of the whole director.
type Director struct {
	Table        string // name of the nftables tables, one per family
	Bind         bool   // false: marks only; another program manages IPVS
	Marks        MarkedPackets
	KeepMarks    bool // the marks are set once more right before IPVS
	LocalClients bool // packets that the director itself sends are marked too
	IPForward    bool
	Timeouts     Timeouts
	Sysctls      []Sysctl // sorted by name
	Sync         *Sync    // nil: connections are not synchronized
	VRRP         *VRRP    // nil: the VIPs stay on this director
}

// Timeouts are the timeouts of IPVS connections, in whole seconds; 0: leave
// unchanged. See ipvsadm(8), --set.
type Timeouts struct {
	TCP, TCPFin, UDP time.Duration
}

// A Sysctl is a kernel parameter below net., in dotted form. Value is compared
// and written as text.
type Sysctl struct {
	Name, Value string
}

// VIPsOf returns the cluster's VIPs of one family, in the order of the file. Callers
// must not change the slice.
func (c *Cluster) VIPsOf(f Family) []AddressRange {
	isOther := func(vips AddressRange) bool { return vips.Family() != f }
	if !slices.ContainsFunc(c.VIPs, isOther) {
		return c.VIPs
	}
	return slices.DeleteFunc(slices.Clone(c.VIPs), isOther)
}

// RealServersOf returns the cluster's real servers of one family, in the order
// of the file. Callers must not change them: they may be those of the cluster.
func (c *Cluster) RealServersOf(f Family) []RealServer {
	isOther := func(s RealServer) bool { return FamilyOf(s.Address) != f }
	if !slices.ContainsFunc(c.RealServers, isOther) {
		return c.RealServers
	}
	return slices.DeleteFunc(slices.Clone(c.RealServers), isOther)
}

// Forwards reports whether a real server is forwarded by the method.
func (c *Cluster) Forwards(f Forwarding) bool {
	if len(c.RealServers) == 0 {
		return c.Forwarding == f
	}
	return slices.ContainsFunc(c.RealServers, func(s RealServer) bool { return s.Forwarding == f })
}

// ServersBy returns the real servers that are forwarded by the method.
func ServersBy(f Forwarding, servers []RealServer) []RealServer {
	return slices.DeleteFunc(slices.Clone(servers), func(s RealServer) bool { return s.Forwarding != f })
}

// Serves reports whether the cluster has VIPs of the family.
func (c *Cluster) Serves(f Family) bool {
	return slices.ContainsFunc(c.VIPs, func(vips AddressRange) bool { return vips.Family() == f })
}

// MarkedPorts returns the ports whose packets carry a mark of the cluster, in
// canonical form: overlapping and adjacent ranges merged, then the widest range
// first (in an FTP cluster, that of the data connections), TCP before UDP,
// lower before higher.
//
// Under direct and tunnel forwarding the ports of active data are included: a real
// server opens such a connection from the VIP, so the client's replies arrive at
// the director, and IPVS forwards them to the same real server (tcp_conn_schedule
// in net/netfilter/ipvs/ip_vs_proto_tcp.c schedules SYN+ACK for that). Under nat,
// connection tracking on the director returns the replies to the real server.
func (c *Cluster) MarkedPorts() []PortRange {
	if c.FTP == nil {
		return mergePorts(c.Ports)
	}
	ports := slices.Clone(c.FTP.PassivePorts)
	for _, port := range c.FTP.ControlPorts {
		ports = append(ports, onePort(port))
	}
	if c.Forwards(Direct) || c.Forwards(Tunnel) {
		for _, port := range c.DirectActivePorts() {
			ports = append(ports, onePort(port))
		}
	}
	return mergePorts(ports)
}

// MinPassivePort is the lowest port on which FTP servers listen for data connections:
// vsftpd ignores a lower one silently, pure-ftpd refuses it, and proftpd has no privileges
// for it.
const MinPassivePort = 1024

// PassiveRange returns the passive range with the most ports from MinPassivePort on, for FTP
// servers that support a single range.
func (f *FTP) PassiveRange() PortRange {
	return slices.MaxFunc(f.PassivePorts, func(a, b PortRange) int {
		return cmp.Compare(DataPorts(a), DataPorts(b))
	})
}

// DataPorts returns the number of ports of a range on which FTP servers listen for data
// connections: those from MinPassivePort on.
func DataPorts(r PortRange) int { return max(0, int(r.High)-int(max(r.Low, MinPassivePort))+1) }

// ActivePorts returns the source ports of active data connections: those of the
// file, or else ftps-data (989) for control port 990 and ftp-data (20) for any
// other. It returns nil for a cluster without FTP.
func (c *Cluster) ActivePorts() []uint16 {
	switch {
	case c.FTP == nil:
		return nil
	case c.FTP.Active != nil:
		return c.FTP.Active.Ports
	}
	return c.FTP.activePortsOf()
}

// DirectActivePorts returns the source ports of active data connections of real servers with
// direct and tunnel forwarding: those of their control ports, and in a cluster that also has
// real servers with nat those of the file, which may be the same FTP servers' setting.
func (c *Cluster) DirectActivePorts() []uint16 {
	ports := slices.Clone(c.ActivePorts())
	if c.FTP == nil || c.FTP.Active == nil {
		return ports
	}
	for _, port := range c.FTP.activePortsOf() {
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports
}

// activePortsOf returns the data ports of the control ports: ftps-data for ftps, else ftp-data.
func (f *FTP) activePortsOf() []uint16 {
	var ports []uint16
	for _, control := range f.ControlPorts {
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
