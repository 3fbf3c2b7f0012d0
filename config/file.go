package config

import (
	"math"
	"net/netip"
	"time"

	"go.yaml.in/yaml/v4"
)

// The file types hold the values of the file with their positions, without
// defaults.

type file struct {
	clusters field[[]item[fileCluster]]
	director fileDirector
}

type fileCluster struct {
	name        field[string]
	mark        field[uint64]
	vips        field[[]item[AddressRange]]
	device      field[string]
	only        field[fileOnly]
	ftp         field[fileFTP]
	ports       field[[]item[PortRange]]
	forwarding  field[Forwarding]
	sourceNAT   field[SourceNAT]
	scheduler   field[string]
	flags       field[[]item[string]]
	onePacket   field[bool]
	persistence field[time.Duration]
	netmask     field[uint64]
	servers     field[[]item[fileServer]]
}

type fileFTP struct {
	control field[[]item[uint16]]
	passive field[[]item[PortRange]]
	active  field[fileActive]

	shards, shardMarks field[uint64]
}

type fileActive struct {
	translate field[Translation]
	sources   field[[]item[netip.Prefix]]
	ports     field[[]item[uint16]]
}

type fileServer struct {
	name         field[string]
	address      field[netip.Addr]
	port         field[uint64]
	weight       field[uint64]
	upper, lower field[uint64]
	forwarding   field[Forwarding]
	tunnel       field[fileTunnel]
	shard        field[uint64]
}

type fileTunnel struct {
	kind     field[TunnelType]
	port     field[uint16]
	checksum field[TunnelChecksum]
}

type fileDirector struct {
	table     field[string]
	bind      field[bool]
	marks     field[MarkedPackets]
	ipForward field[bool]
	timeouts  fileTimeouts
	sysctls   field[[]item[Sysctl]]
	keepMarks field[bool]
	local     field[bool]
	sync      field[fileSync]
	vrrp      field[fileVRRP]
}

type fileTimeouts struct{ tcp, tcpFin, udp field[time.Duration] }

var fileKeys = []key[file]{
	{"clusters", set(func(f *file) *field[[]item[fileCluster]] { return &f.clusters }, list("cluster", (*decoder).cluster))},
	{"director", func(d *decoder, n *yaml.Node, what string, f *file) {
		optionalMapping(d, n, what, directorKeys, &f.director)
	}},
}

func (d *decoder) file(n *yaml.Node) *file {
	var f file
	if mapping(d, n, "the file", fileKeys, &f) && !f.clusters.present {
		d.fail(n, "the file has no clusters; add clusters: with a list of them")
	}
	d.requires("clusters")
	return &f
}

var clusterKeys = []key[fileCluster]{
	{"name", set(func(c *fileCluster) *field[string] { return &c.name }, (*decoder).name)},
	{"mark", set(func(c *fileCluster) *field[uint64] { return &c.mark }, number(1, math.MaxUint32, "1 to 0xffffffff"))},
	{"vips", set(func(c *fileCluster) *field[[]item[AddressRange]] { return &c.vips }, list("VIP", (*decoder).vip))},
	{"vip-device", set(func(c *fileCluster) *field[string] { return &c.device }, (*decoder).device)},
	{"only", set(func(c *fileCluster) *field[fileOnly] { return &c.only }, (*decoder).only)},
	{"ftp", set(func(c *fileCluster) *field[fileFTP] { return &c.ftp }, (*decoder).ftp)},
	{"ports", set(func(c *fileCluster) *field[[]item[PortRange]] { return &c.ports }, atMost(maxPortEntries, list("port", portRange(true))))},
	{"forwarding", set(func(c *fileCluster) *field[Forwarding] { return &c.forwarding }, (*decoder).forwarding)},
	{"source-nat", set(func(c *fileCluster) *field[SourceNAT] { return &c.sourceNAT }, (*decoder).sourceNAT)},
	{"scheduler", set(func(c *fileCluster) *field[string] { return &c.scheduler }, (*decoder).scheduler)},
	{"scheduler-flags", set(func(c *fileCluster) *field[[]item[string]] { return &c.flags }, orEmpty(list("flag", (*decoder).schedulerFlag)))},
	{"one-packet", set(func(c *fileCluster) *field[bool] { return &c.onePacket }, (*decoder).boolean)},
	{"persistence", set(func(c *fileCluster) *field[time.Duration] { return &c.persistence }, duration(0, maxPersistence, "31 days", "5m"))},
	{"persistence-netmask", set(func(c *fileCluster) *field[uint64] { return &c.netmask }, number(1, 128, "a prefix length of 1 to 32, or to 128 in IPv6"))},
	{"real-servers", set(func(c *fileCluster) *field[[]item[fileServer]] { return &c.servers }, list("real server", (*decoder).server))},
}

func (d *decoder) cluster(n *yaml.Node, what string) (fileCluster, bool) {
	var c fileCluster
	if !mapping(d, n, "a cluster", clusterKeys, &c) {
		return c, false
	}
	d.require(n, c.name.present, what, "name", "name: ftp")
	d.require(n, c.mark.present, what, "mark", "mark: 21")
	d.require(n, c.vips.present, what, "vips", "vips: [192.0.2.21]")
	d.require(n, c.servers.present, what, "real-servers", "real-servers: [{address: 10.0.0.11}]")
	d.requiresOneOf("ftp", "ports")
	switch {
	case c.ftp.present && c.ports.present:
		d.report.mistake(c.ports.position, "a cluster has either ftp or ports, not both; remove one, or make two clusters")
	case !c.ftp.present && !c.ports.present:
		d.fail(n, "cluster has neither ftp nor ports; add ftp: for an FTP cluster, or ports: with a list")
	}
	return c, true
}

func (d *decoder) require(n *yaml.Node, present bool, what, name, example string) {
	d.requires(name)
	if !present {
		d.fail(n, "%s has no %s; add one, for example %s", what, name, example)
	}
}

var ftpKeys = []key[fileFTP]{
	{"control-ports", set(func(f *fileFTP) *field[[]item[uint16]] { return &f.control }, ftpPorts)},
	{"passive-ports", set(func(f *fileFTP) *field[[]item[PortRange]] { return &f.passive }, passivePorts)},
	{"passive-shards", set(func(f *fileFTP) *field[uint64] { return &f.shards }, number(0, maxShards, "0 to 1024"))},
	{"shard-marks", set(func(f *fileFTP) *field[uint64] { return &f.shardMarks }, number(1, math.MaxUint32, "1 to 0xffffffff"))},
	{"active-data", set(func(f *fileFTP) *field[fileActive] { return &f.active }, (*decoder).active)},
}

func (d *decoder) ftp(n *yaml.Node, what string) (fileFTP, bool) {
	var f fileFTP
	ok := optionalMapping(d, n, what, ftpKeys, &f)
	return f, ok
}

var activeKeys = []key[fileActive]{
	{"translate", set(func(a *fileActive) *field[Translation] { return &a.translate }, (*decoder).translation)},
	{"source", set(func(a *fileActive) *field[[]item[netip.Prefix]] { return &a.sources }, sources)},
	{"ports", set(func(a *fileActive) *field[[]item[uint16]] { return &a.ports }, ftpPorts)},
}

func (d *decoder) active(n *yaml.Node, what string) (fileActive, bool) {
	var a fileActive
	ok := optionalMapping(d, n, what, activeKeys, &a)
	return a, ok
}

var serverKeys = []key[fileServer]{
	{"name", set(func(s *fileServer) *field[string] { return &s.name }, (*decoder).name)},
	{"address", set(func(s *fileServer) *field[netip.Addr] { return &s.address }, (*decoder).address)},
	{"port", set(func(s *fileServer) *field[uint64] { return &s.port }, number(0, math.MaxUint16, "0 to 65535"))},
	{"weight", set(func(s *fileServer) *field[uint64] { return &s.weight }, number(0, math.MaxUint16, "0 to 65535"))},
	{"upper-threshold", set(func(s *fileServer) *field[uint64] { return &s.upper }, threshold)},
	{"lower-threshold", set(func(s *fileServer) *field[uint64] { return &s.lower }, threshold)},
	{"forwarding", set(func(s *fileServer) *field[Forwarding] { return &s.forwarding }, (*decoder).forwarding)},
	{"tunnel", set(func(s *fileServer) *field[fileTunnel] { return &s.tunnel }, (*decoder).tunnel)},
	{"shard", set(func(s *fileServer) *field[uint64] { return &s.shard }, number(0, maxShards-1, "0 to 1023"))},
}

// threshold decodes a number of connections, with the limit of ipvsadm(8).
var threshold = number(0, math.MaxInt32, "0 to 2147483647")

func (d *decoder) server(n *yaml.Node, what string) (fileServer, bool) {
	var s fileServer
	ok := mapping(d, n, "a real server", serverKeys, &s)
	if ok {
		d.require(n, s.address.present, what, "address", "address: 10.0.0.11")
	}
	return s, ok
}

var tunnelKeys = []key[fileTunnel]{
	{"type", set(func(t *fileTunnel) *field[TunnelType] { return &t.kind }, (*decoder).tunnelType)},
	{"port", set(func(t *fileTunnel) *field[uint16] { return &t.port }, (*decoder).port)},
	{"checksum", set(func(t *fileTunnel) *field[TunnelChecksum] { return &t.checksum }, (*decoder).tunnelChecksum)},
}

func (d *decoder) tunnel(n *yaml.Node, what string) (fileTunnel, bool) {
	var t fileTunnel
	ok := mapping(d, n, what, tunnelKeys, &t)
	if ok {
		d.require(n, t.kind.present, what, "type", "type: ipip")
	}
	return t, ok
}

var directorKeys = []key[fileDirector]{
	{"table", set(func(f *fileDirector) *field[string] { return &f.table }, (*decoder).table)},
	{"bind", set(func(f *fileDirector) *field[bool] { return &f.bind }, (*decoder).boolean)},
	{"marks", set(func(f *fileDirector) *field[MarkedPackets] { return &f.marks }, (*decoder).markedPackets)},
	{"keep-marks", set(func(f *fileDirector) *field[bool] { return &f.keepMarks }, (*decoder).boolean)},
	{"local-clients", set(func(f *fileDirector) *field[bool] { return &f.local }, (*decoder).boolean)},
	{"ip-forward", set(func(f *fileDirector) *field[bool] { return &f.ipForward }, (*decoder).boolean)},
	{"ipvs-timeouts", func(d *decoder, n *yaml.Node, what string, f *fileDirector) {
		optionalMapping(d, n, what, timeoutKeys, &f.timeouts)
	}},
	{"sysctls", set(func(f *fileDirector) *field[[]item[Sysctl]] { return &f.sysctls }, (*decoder).sysctls)},
	{"sync", set(func(f *fileDirector) *field[fileSync] { return &f.sync }, (*decoder).sync)},
	{"vrrp", set(func(f *fileDirector) *field[fileVRRP] { return &f.vrrp }, (*decoder).vrrp)},
}

var timeoutKeys = []key[fileTimeouts]{
	{"tcp", set(func(t *fileTimeouts) *field[time.Duration] { return &t.tcp }, timeout)},
	{"tcp-fin", set(func(t *fileTimeouts) *field[time.Duration] { return &t.tcpFin }, timeout)},
	{"udp", set(func(t *fileTimeouts) *field[time.Duration] { return &t.udp }, timeout)},
}

var timeout = duration(time.Second, maxTimeout, "24 days", "the kernel's own")

// Limits on durations. The kernel multiplies both by HZ, up to 1000: the
// timeout of a persistence template in 32 bits unsigned, the timeouts of
// protocols in 31 bits.
const (
	maxPersistence = 31 * 24 * time.Hour
	maxTimeout     = 24 * 24 * time.Hour
)
