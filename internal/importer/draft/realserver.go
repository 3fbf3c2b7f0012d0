package draft

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// checkRealServers adds findings about the real servers and the persistence of a cluster.
// Readers add those that depend on the language.
func (d *Draft) checkRealServers(c *cluster) {
	for _, s := range c.services {
		if s.Timeout == 0 && c.ftp != nil && c.shards == nil && s.Scheduler != "sh" && s.Scheduler != "mh" {
			d.remark(s.Line, "the service is not persistent: FTP data connections may reach another real server than their control connection")
		}
		if s.Engine != "" {
			d.remark(s.Line, "a spec cannot contain the persistence engine %s", s.Engine)
		}
		for _, r := range s.RealServers {
			d.checkRealServer(s, r)
		}
	}
}

func (d *Draft) checkRealServer(s *oldconfig.Service, r oldconfig.RealServer) {
	if own := s.Address.Port(); s.Mark == 0 && s.Timeout > 0 && r.Forwarding == config.NAT && own != 0 && r.Port != own {
		d.remark(r.Line, "the real server %s gets the packets at port %d: a spec cannot say so with persistence, because IPVS keeps the client's port in persistent services of marks; let the server listen at port %d too, or set persistence: 0 and port: %d",
			r.Address, r.Port, own, r.Port)
	}
	if r.RawForwarding != 0 {
		d.remark(r.Line, "the real server %s has a forwarding method that a spec does not have", r.Address)
	}
}

// isPersistent reports whether a service of the cluster is persistent. Then IPVS keeps the
// client's port.
func (c *cluster) isPersistent() bool {
	return slices.ContainsFunc(c.services, func(s *oldconfig.Service) bool { return s.Timeout > 0 })
}

// onePort reports whether the cluster has one port only; then a real server may have
// another.
func (c *cluster) onePort() bool {
	return c.ftp == nil && len(c.ports) == 1 && c.ports[0].Low == c.ports[0].High
}

// ownsPort reports whether the port of a real server is that of its service, so that packets
// keep their port. A service with a mark keeps the port, where a spec can have it: the kernel
// identifies real servers by address and port, so another one would be a new real server.
func (c *cluster) ownsPort(r oldconfig.RealServer) bool {
	mayKeep := false
	for _, s := range c.services {
		if s.Mark == 0 && s.Address.Port() == r.Port {
			return true
		}
		mayKeep = mayKeep || s.Mark != 0 && s.Timeout == 0 && r.Forwarding == config.NAT
	}
	return c.onePort() && c.ports[0].Low == r.Port && !mayKeep
}

// nameClusters gives each cluster a unique name.
func (d *Draft) nameClusters() {
	taken, next := map[string]bool{}, map[string]int{}
	for _, c := range d.clusters {
		wanted := c.wantedName()
		name := wanted
		for n := max(2, next[wanted]); taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", wanted, n)
			next[wanted] = n + 1
		}
		taken[name] = true
		c.name = name
	}
}

func (c *cluster) wantedName() string {
	for _, s := range c.services {
		if name := sanitized(s.Name); name != "" {
			return name
		}
	}
	if c.ftp != nil {
		return "ftp"
	}
	return fmt.Sprintf("mark-%s", markText(c.mark))
}

// sanitized returns the characters of a name that a spec allows, at most 60.
func sanitized(name string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return -1
	}, name)
	kept = strings.TrimLeft(kept, ".-_")
	return kept[:min(len(kept), 60)]
}
