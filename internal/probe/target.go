package probe

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// ImplicitPort is the control port of implicit TLS: ftps in the IANA registry.
const ImplicitPort = 990

// A Target is a control port, and what a session to it must show.
type Target struct {
	Cluster    string
	RealServer string // name or address; empty: the target is the VIP
	Control    netip.AddrPort
	ServerName string // that a certificate may have: the VIP

	passiveAddresses []config.AddressRange // that a reply to PASV may name
	passivePorts     []config.PortRange
	activePorts      []uint16 // source ports of active data; nil: any
}

// Family returns the family of the target.
func (t *Target) Family() config.Family { return config.FamilyOf(t.Control.Addr()) }

// ControlPort returns the port of a cluster for sessions with or without TLS.
func ControlPort(f *config.FTP, security TLS) (uint16, error) {
	for _, port := range f.ControlPorts {
		if (port == ImplicitPort) == (security == Implicit) {
			return port, nil
		}
	}
	if security == Implicit {
		return 0, fmt.Errorf("implicit TLS uses port %d, which is not in control-ports", ImplicitPort)
	}
	return 0, fmt.Errorf("control-ports has only port %d, which is for implicit TLS", ImplicitPort)
}

// VIPTargets returns the first VIP of each family.
func VIPTargets(c *config.Cluster, port uint16) []Target {
	var targets []Target
	for _, f := range config.Families() {
		if vips := c.VIPsOf(f); len(vips) > 0 {
			targets = append(targets, VIPTarget(c, vips[0].First, port))
		}
	}
	return targets
}

// VIPTarget returns a VIP of the cluster. The source port of active data is not checked:
// the translation on the director may change it.
func VIPTarget(c *config.Cluster, vip netip.Addr, port uint16) Target {
	return Target{
		Cluster: c.Name, Control: netip.AddrPortFrom(vip, port), ServerName: vip.String(),
		passiveAddresses: c.VIPsOf(config.FamilyOf(vip)), passivePorts: c.FTP.PassivePorts,
	}
}

// ServerTargets returns the real servers with that name or address.
func ServerTargets(c *config.Cluster, name string, port uint16) []Target {
	var targets []Target
	for _, s := range c.RealServers {
		if s.Is(name) {
			targets = append(targets, serverTarget(c, s, port))
		}
	}
	return targets
}

// serverTarget returns a real server. With direct and tunnel forwarding packets of clients
// have the VIP as their destination, so the server answers PASV with the destination, which
// is its own address here.
func serverTarget(c *config.Cluster, s config.RealServer, port uint16) Target {
	name, family := s.Name, config.FamilyOf(s.Address)
	if name == "" {
		name = s.Address.String()
	}
	t := Target{
		Cluster: c.Name, RealServer: name, Control: netip.AddrPortFrom(s.Address, port),
		passiveAddresses: slices.Clone(c.VIPsOf(family)), passivePorts: serverPorts(c, s), activePorts: c.ActivePorts(),
	}
	if len(t.passiveAddresses) > 0 {
		t.ServerName = t.passiveAddresses[0].First.String()
	}
	if s.Forwarding != config.NAT {
		t.passiveAddresses = append(t.passiveAddresses, config.SingleAddress(s.Address))
		t.activePorts = c.DirectActivePorts()
	} else if c.FTP.Active == nil || c.FTP.Active.Translate == config.NoTranslation {
		t.activePorts = nil
	}
	return t
}

// serverPorts returns the passive ports that a real server may use: those of its shard.
func serverPorts(c *config.Cluster, s config.RealServer) []config.PortRange {
	if c.Sharded() {
		return c.FTP.ShardPorts()[s.Shard : s.Shard+1]
	}
	return c.FTP.PassivePorts
}
