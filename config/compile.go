package config

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// spec returns the file with defaults filled in. Unreadable values get their
// default too: the spec is then invalid and serves only for further checks.
func (f *file) spec() *Spec {
	spec := &Spec{Clusters: make([]Cluster, len(f.clusters.value))}
	forwards := false
	for i := range f.clusters.value {
		spec.Clusters[i] = f.clusters.value[i].value.cluster()
		forwards = forwards || spec.Clusters[i].Forwards(NAT)
	}
	spec.Director = f.director.director(forwards)
	return spec
}

func (c *fileCluster) cluster() Cluster {
	cluster := Cluster{
		Name:               c.name.value,
		Mark:               uint32(c.mark.value),
		VIPs:               values(c.vips.value),
		Ports:              values(c.ports.value),
		VIPDevice:          c.device.value,
		Forwarding:         c.forwarding.or(NAT),
		SourceNAT:          c.sourceNAT.or(NoSourceNAT),
		Scheduler:          c.scheduler.or(DefaultScheduler),
		Hash:               c.hashFlags(),
		OnePacket:          c.onePacket.value,
		Persistence:        c.persistence.or(DefaultPersistence),
		PersistenceNetmask: int(c.netmask.value),
	}
	cluster.RealServers = make([]RealServer, 0, len(c.servers.value))
	for i := range c.servers.value {
		if server := &c.servers.value[i]; server.value.address.valid {
			cluster.RealServers = append(cluster.RealServers, server.value.server(cluster.Forwarding))
		}
	}
	if c.only.present {
		cluster.Only = c.only.value.only()
	}
	if c.ftp.present {
		cluster.FTP = c.ftp.value.ftp()
		c.shards(&cluster)
		if cluster.Forwards(NAT) {
			cluster.FTP.Active = c.activeData()
		}
	}
	return cluster
}

func (s *fileServer) server(forwarding Forwarding) RealServer {
	tunnel := &s.tunnel.value
	return RealServer{
		Name:           s.name.value,
		Address:        s.address.value,
		Port:           uint16(s.port.value),
		Weight:         int(s.weight.or(DefaultWeight)),
		UpperThreshold: uint32(s.upper.value),
		LowerThreshold: uint32(s.lower.value),
		Forwarding:     s.forwarding.or(forwarding),
		Encapsulation:  Encapsulation{tunnel.kind.value, tunnel.port.value, tunnel.checksum.value},
	}
}

// shards sets what the key passive-shards changes.
func (c *fileCluster) shards(cluster *Cluster) {
	in := &c.ftp.value
	if in.shards.value == 0 {
		return
	}
	cluster.FTP.Shards = int(in.shards.value)
	cluster.FTP.ShardMarks = uint32(in.shardMarks.or(c.mark.value + 1))
	cluster.Persistence = c.persistence.or(0)
	var given []field[uint64]
	for i := range c.servers.value {
		if server := &c.servers.value[i].value; server.address.valid {
			given = append(given, server.shard)
		}
	}
	cluster.setShards(given)
}

func (c *fileCluster) hashFlags() (flags HashFlags) {
	for _, flag := range c.flags.value {
		flags.Port = flags.Port || strings.HasSuffix(flag.value, "-port")
		flags.Fallback = flags.Fallback || strings.HasSuffix(flag.value, "-fallback")
	}
	return flags
}

func (f *fileFTP) ftp() *FTP {
	ftp := &FTP{
		ControlPorts: values(f.control.value),
		PassivePorts: values(f.passive.value),
	}
	if !f.passive.valid {
		ftp.PassivePorts = []PortRange{{Protocol: TCP, Low: DefaultPassiveLow, High: DefaultPassiveHigh}}
	}
	if !f.control.present {
		ftp.ControlPorts = []uint16{DefaultControlPort}
	}
	return ftp
}

func (c *fileCluster) activeData() *ActiveData {
	active := &c.ftp.value.active.value
	data := &ActiveData{
		Translate: active.translate.or(Masquerade),
		Sources:   values(c.sources()),
		Ports:     values(active.ports.value),
	}
	if !active.ports.present {
		data.Ports = []uint16{DefaultActivePort}
	}
	return data
}

// sources returns the sources of active data with their positions: those of the
// key source, or by default the addresses of the real servers that nat forwards to.
func (c *fileCluster) sources() []item[netip.Prefix] {
	if given := c.ftp.value.active.value.sources; given.present {
		return given.value
	}
	sources := make([]item[netip.Prefix], 0, len(c.servers.value))
	for i := range c.servers.value {
		server := &c.servers.value[i].value
		if address := &server.address; address.valid && server.forwarding.or(c.forwarding.or(NAT)) == NAT {
			sources = append(sources, item[netip.Prefix]{address.position, hostPrefix(address.value)})
		}
	}
	return sources
}

func (f *fileDirector) director(forwards bool) Director {
	director := Director{
		Table:        f.table.or(DefaultTable),
		Bind:         f.bind.or(true),
		Marks:        f.marks.or(EveryPacket),
		KeepMarks:    f.keepMarks.or(false),
		LocalClients: f.local.or(false),
		IPForward:    f.ipForward.or(forwards),
		Timeouts:     Timeouts{TCP: f.timeouts.tcp.value, TCPFin: f.timeouts.tcpFin.value, UDP: f.timeouts.udp.value},
		Sysctls: slices.SortedFunc(slices.Values(values(f.sysctls.value)), func(a, b Sysctl) int {
			return cmp.Compare(a.Name, b.Name)
		}),
	}
	if f.sync.present {
		director.Sync = f.sync.value.sync()
	}
	if f.vrrp.present {
		director.VRRP = f.vrrp.value.vrrp()
	}
	return director
}
