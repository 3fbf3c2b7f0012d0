package oldconfig

import (
	"net/netip"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A Service is an IPVS service, keyed by a fwmark or by an address. The kernel looks up a
// packet by mark, then by protocol, address and port, then, for the FTP data port and
// unprivileged ports, at port 21, then at port 0 (ip_vs_service_find of
// net/netfilter/ipvs/ip_vs_ctl.c).
type Service struct {
	Family   Family
	Mark     uint32          // 0: keyed by Protocol and Address
	Protocol config.Protocol // of an address service
	Address  netip.AddrPort  // port 0: all ports, of a persistent service

	Scheduler string
	Flags     uint32        // as in ipvs.Service
	Timeout   time.Duration // persistence; 0: off
	Netmask   int           // prefix length that groups clients; as in ipvs.Service
	Engine    string        // persistence engine, for example "sip"

	RawNetmask uint32 // non-contiguous netmask; as in ipvs.Service

	RealServers []RealServer
	Line

	Name string // of the virtual server, if the file has one; for names of clusters

	Binding string // in the ledger of lvsmark, see config.Binding.Name; else empty
}

// A RealServer is a real server of a service.
type RealServer struct {
	ipvs.Destination
	Name     string
	Disabled bool // the file has it switched off: it gets no packets
	Fallback bool // sorry server: only if no other real server is there
	Line
}

// AddPortFinding records what IPVS does with the port of a real server with nat, if the service
// has a mark: a persistent one keeps the client's port (ip_vs_sched_persist of
// net/netfilter/ipvs/ip_vs_core.c).
func (c *Config) AddPortFinding(s *Service, line Line, server netip.Addr, port uint16) {
	const text = "real server %s of mark %d has port %d: "
	if s.Timeout > 0 {
		c.AddFinding(line, text+"IPVS keeps the client's port, because the service is persistent; 0 says so", server, s.Mark, port)
		return
	}
	c.AddFinding(line, text+"packets to each marked port arrive at this one; 0 keeps the client's port", server, s.Mark, port)
}

// AddOneSecond records a persistence of 1, which is often meant as yes.
func (c *Config) AddOneSecond(line Line, setting string) {
	c.AddFinding(line, "%s is one second: a client keeps its real server no longer than that", setting)
}

// Timeouts are IPVS timeouts that a line sets. A timeout of 0 stays as it is.
type Timeouts struct {
	config.Timeouts
	Line
}

// An FTPServer is what the configuration of vsftpd, proftpd or pure-ftpd says about data
// connections.
type FTPServer struct {
	Program     string           // "vsftpd", "proftpd", "pure-ftpd"
	PassivePort config.PortRange // Low 0: any port
	Address     netip.Addr       // announced in passive replies; invalid: that of the connection
	ActivePort  uint16           // source port of active data; 0: any
	Listen      uint16           // control port; 0: 21
	Line
}
