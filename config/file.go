package config

import (
	"math"
	"net/netip"
	"time"

	"go.yaml.in/yaml/v4"
)

// The file types hold what the operator wrote, each value with its position;
// defaults are not filled in yet.

type file struct {
	clusters field[[]item[fileCluster]]
	director fileDirector
}

type fileCluster struct {
	name        field[string]
	mark        field[uint64]
	vips        field[[]item[netip.Addr]]
	device      field[string]
	ftp         field[fileFTP]
	ports       field[[]item[PortRange]]
	forwarding  field[Forwarding]
	scheduler   field[string]
	persistence field[time.Duration]
	netmask     field[uint64]
	servers     field[[]item[fileServer]]
}

type fileFTP struct {
	control field[[]item[uint16]]
	passive field[PortRange]
	active  field[fileActive]
}

type fileActive struct {
	translate field[Translation]
	sources   field[[]item[netip.Prefix]]
	ports     field[[]item[uint16]]
}

type fileServer struct {
	name    field[string]
	address field[netip.Addr]
	weight  field[uint64]
}

type fileDirector struct {
	table     field[string]
	bind      field[bool]
	ipForward field[bool]
	timeouts  fileTimeouts
	sysctls   field[[]item[Sysctl]]
}

type fileTimeouts struct{ tcp, tcpFin, udp field[time.Duration] }

func (d *decoder) file(n *yaml.Node) *file {
	var f file
	known := []key{
		{"clusters", set(&f.clusters, list(d, "cluster", d.cluster))},
		{"director", func(n *yaml.Node, what string) { f.director = d.director(n, what) }},
	}
	if d.mapping(n, "the file", known) && !f.clusters.present {
		d.fail(n, "the file has no clusters; add clusters: with a list of them")
	}
	return &f
}

func (d *decoder) cluster(n *yaml.Node, what string) (fileCluster, bool) {
	var c fileCluster
	known := []key{
		{"name", set(&c.name, d.name)},
		{"mark", set(&c.mark, d.number(1, math.MaxUint32, "1 to 0xffffffff"))},
		{"vips", set(&c.vips, list(d, "VIP", d.vip))},
		{"vip-device", set(&c.device, d.device)},
		{"ftp", set(&c.ftp, d.ftp)},
		{"ports", set(&c.ports, atMost(d, maxPortEntries, list(d, "port", d.portRange(true))))},
		{"forwarding", set(&c.forwarding, d.forwarding)},
		{"scheduler", set(&c.scheduler, d.scheduler)},
		{"persistence", set(&c.persistence, d.duration(0, maxPersistence, "31 days"))},
		{"persistence-netmask", set(&c.netmask, d.number(1, 128, "a prefix length of 1 to 32, or to 128 in IPv6"))},
		{"real-servers", set(&c.servers, list(d, "real server", d.server))},
	}
	if !d.mapping(n, "a cluster", known) {
		return c, false
	}
	d.require(n, c.name.present, what, "name", "name: ftp")
	d.require(n, c.mark.present, what, "mark", "mark: 21")
	d.require(n, c.vips.present, what, "vips", "vips: [192.0.2.21]")
	d.require(n, c.servers.present, what, "real-servers", "real-servers: [{address: 10.0.0.11}]")
	switch {
	case c.ftp.present && c.ports.present:
		d.report.mistake(c.ports.position, "a cluster has either ftp or ports, not both; remove one, or make two clusters")
	case !c.ftp.present && !c.ports.present:
		d.fail(n, "cluster has neither ftp nor ports; add ftp: for an FTP cluster, or ports: with a list")
	}
	return c, true
}

func (d *decoder) require(n *yaml.Node, present bool, what, name, example string) {
	if !present {
		d.fail(n, "%s has no %s; add one, for example %s", what, name, example)
	}
}

func (d *decoder) ftp(n *yaml.Node, what string) (fileFTP, bool) {
	var f fileFTP
	ok := d.optionalMapping(n, what, []key{
		{"control-ports", set(&f.control, atMost(d, maxFTPPorts, list(d, "port", d.port)))},
		{"passive-ports", set(&f.passive, d.portRange(false))},
		{"active-data", set(&f.active, d.active)},
	})
	return f, ok
}

func (d *decoder) active(n *yaml.Node, what string) (fileActive, bool) {
	var a fileActive
	ok := d.optionalMapping(n, what, []key{
		{"translate", set(&a.translate, d.translation)},
		{"source", set(&a.sources, d.sources)},
		{"ports", set(&a.ports, atMost(d, maxFTPPorts, list(d, "port", d.port)))},
	})
	return a, ok
}

func (d *decoder) server(n *yaml.Node, what string) (fileServer, bool) {
	var s fileServer
	ok := d.mapping(n, "a real server", []key{
		{"name", set(&s.name, d.name)},
		{"address", set(&s.address, d.address)},
		{"weight", set(&s.weight, d.number(0, math.MaxUint16, "0 to 65535"))},
	})
	if ok {
		d.require(n, s.address.present, what, "address", "address: 10.0.0.11")
	}
	return s, ok
}

func (d *decoder) director(n *yaml.Node, what string) fileDirector {
	var f fileDirector
	d.optionalMapping(n, what, []key{
		{"table", set(&f.table, d.table)},
		{"bind", set(&f.bind, d.boolean)},
		{"ip-forward", set(&f.ipForward, d.boolean)},
		{"ipvs-timeouts", func(n *yaml.Node, what string) { f.timeouts = d.timeouts(n, what) }},
		{"sysctls", set(&f.sysctls, d.sysctls)},
	})
	return f
}

func (d *decoder) timeouts(n *yaml.Node, what string) fileTimeouts {
	var t fileTimeouts
	timeout := d.duration(time.Second, maxTimeout, "24 days")
	d.optionalMapping(n, what, []key{
		{"tcp", set(&t.tcp, timeout)},
		{"tcp-fin", set(&t.tcpFin, timeout)},
		{"udp", set(&t.udp, timeout)},
	})
	return t
}

// Limits on durations. The kernel multiplies both by HZ, up to 1000: the
// timeout of a persistence template in 32 bits unsigned, the timeouts of
// protocols in 31 bits.
const (
	maxPersistence = 31 * 24 * time.Hour
	maxTimeout     = 24 * 24 * time.Hour
)
