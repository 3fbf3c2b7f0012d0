// Package realserver has the checks of doctor on a real server.
package realserver

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/lookup"
)

// A Subject is what the checks look at: a host as one or several real servers of the spec.
type Subject struct {
	*host.Host
	Servers []Server
}

// A Server is a real server of a binding.
type Server struct {
	config.RealServer
	Binding config.Binding
}

func (s Server) String() string {
	return fmt.Sprintf("cluster %s (%s)", s.Binding.Cluster.Name, s.Address)
}

// A check is one of Checks.
type check = doctor.Check[*Subject]

// Checks returns the checks in the order of their output.
func Checks() []check {
	return slices.Concat(addressChecks(), routeChecks(), tunnelChecks(), ftpChecks())
}

// Find returns the real servers with a name or address, each with the ports that reach it:
// those of its shard too.
func Find(spec *config.Spec, name string) (servers []Server, err error) {
	for _, family := range config.Families() {
		for _, b := range spec.Bindings(family) {
			if b.IsShard {
				continue
			}
			for _, r := range b.RealServers {
				if r.Is(name) {
					servers = append(servers, withShard(Server{r, b}))
				}
			}
		}
	}
	if len(servers) == 0 {
		return nil, lookup.Unknown("the spec has no real server", name, Names(spec))
	}
	return servers, nil
}

func withShard(s Server) Server {
	if c := s.Binding.Cluster; c.Sharded() {
		s.Binding.Ports = slices.Concat(s.Binding.Ports, c.FTP.ShardPorts()[s.Shard:s.Shard+1])
	}
	return s
}

// Names returns the names of the real servers, or the addresses of those without.
func Names(spec *config.Spec) []string { return lookup.Servers(spec.Clusters) }

func one(text, command string) doctor.Finding {
	return doctor.Finding{Text: text, Command: command}
}

// direct returns the real servers of a family that get packets to the VIP itself.
func (s *Subject) direct(f config.Family) []Server {
	return slices.DeleteFunc(slices.Clone(s.Servers), func(r Server) bool {
		return r.Forwarding == config.NAT || r.Binding.Family != f
	})
}

// device returns the device with an address of the host; nil: none.
func (s *Subject) device(a netip.Addr) (*host.Device, error) {
	on, err := s.on(a)
	if len(on) == 0 {
		return nil, err
	}
	return s.DeviceNamed(on[0].Device), err
}

// on returns the address on each device that has it.
func (s *Subject) on(a netip.Addr) (on []hostaddr.Local, err error) {
	addresses, err := s.Addresses.Get()
	for _, local := range addresses {
		if local.IP == a && !local.IsRoute() {
			on = append(on, local)
		}
	}
	return on, err
}
