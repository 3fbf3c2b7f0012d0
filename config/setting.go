package config

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// Names of IPVS timeouts, in seconds. They are settings like sysctls.
const (
	TimeoutTCP    = "ipvs.timeout.tcp"
	TimeoutTCPFin = "ipvs.timeout.tcp-fin"
	TimeoutUDP    = "ipvs.timeout.udp"
)

// A Setting is a kernel setting that belongs to no cluster: a sysctl in dotted
// form, an IPVS timeout or a sync daemon.
type Setting struct {
	Name, Value string
}

// Settings returns the kernel settings of the spec, sorted by name: forwarding, IPVS
// timeouts, sync daemons, connection tracking for source-nat, and sysctls.
func (s *Spec) Settings() []Setting {
	var settings []Setting
	if s.Director.IPForward {
		for _, family := range Families() {
			if s.Serves(family) {
				settings = append(settings, Setting{ForwardSysctl(family), "1"})
			}
		}
	}
	if s.Director.Bind {
		timeouts := s.Director.Timeouts
		settings = appendTimeout(settings, TimeoutTCP, timeouts.TCP)
		settings = appendTimeout(settings, TimeoutTCPFin, timeouts.TCPFin)
		settings = appendTimeout(settings, TimeoutUDP, timeouts.UDP)
		settings = append(settings, s.Director.syncSettings()...)
	}
	if s.TranslatesClients() && !slices.ContainsFunc(s.Director.Sysctls, func(s Sysctl) bool { return s.Name == ConntrackSysctl }) {
		settings = append(settings, Setting{ConntrackSysctl, "1"})
	}
	for _, sysctl := range s.Director.Sysctls {
		setting := Setting(sysctl)
		if !slices.Contains(settings, setting) {
			settings = append(settings, setting)
		}
	}
	slices.SortFunc(settings, func(a, b Setting) int { return cmp.Compare(a.Name, b.Name) })
	return settings
}

// Serves reports whether a cluster has VIPs of the family.
func (s *Spec) Serves(f Family) bool {
	return slices.ContainsFunc(s.Clusters, func(c Cluster) bool { return c.Serves(f) })
}

// ConntrackSysctl makes IPVS leave its connections to connection tracking
// (Documentation/networking/ipvs-sysctl.rst), which translates their sources.
const ConntrackSysctl = "net.ipv4.vs.conntrack"

// TranslatesClients reports whether a cluster has source-nat.
func (s *Spec) TranslatesClients() bool {
	return slices.ContainsFunc(s.Clusters, func(c Cluster) bool { return c.SourceNAT != NoSourceNAT })
}

// ForwardSysctl returns the parameter that makes the director forward packets of a family.
func ForwardSysctl(f Family) string {
	if f == IPv4 {
		return "net.ipv4.ip_forward"
	}
	return "net.ipv6.conf.all.forwarding"
}

func appendTimeout(settings []Setting, name string, d time.Duration) []Setting {
	if d == 0 {
		return settings
	}
	return append(settings, Setting{name, strconv.Itoa(int(d / time.Second))})
}
