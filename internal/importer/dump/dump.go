// Package dump writes a configuration as text, for tests of readers.
package dump

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/ipvs"
)

// Config returns the services, FTP servers, timeouts and remarks of a configuration, each
// with its line number.
func Config(c *oldconfig.Config) string {
	var b strings.Builder
	for _, s := range c.Services {
		writeService(&b, s)
	}
	for _, f := range c.FTP {
		fmt.Fprintf(&b, "%d: %s passive %s, address %s, active %d, listen %d\n",
			f.Number, f.Program, f.PassivePort, f.Address, f.ActivePort, f.Listen)
	}
	for _, t := range c.Timeouts {
		fmt.Fprintf(&b, "%d: timeouts tcp %s, tcp-fin %s, udp %s\n", t.Number, t.TCP, t.TCPFin, t.UDP)
	}
	for _, s := range c.Syncs {
		fmt.Fprintf(&b, "%d: sync %s %s\n", s.Number, s.Role, s.SyncDaemon)
	}
	if v := c.VRRP; v != nil {
		fmt.Fprintf(&b, "%d: vrrp %s router-id %d priority %d peers %s source %s interval %s preempt %t gateways %v\n",
			v.Number, v.Device, v.RouterID, v.Priority, v.Peers, v.Source, v.Interval, v.Preempt, v.Gateways)
	}
	for _, r := range c.Findings {
		fmt.Fprintf(&b, "%d: finding: %s\n", r.Number, r.Message)
	}
	for _, r := range c.NotUnderstood {
		fmt.Fprintf(&b, "%d: not understood: %s\n", r.Number, r.Message)
	}
	return b.String()
}

// Services returns the services as `ipvsadm -Sn` writes them. It leaves out real servers
// that are switched off, and fallback servers.
func Services(c *oldconfig.Config) string {
	var b strings.Builder
	for _, s := range c.Services {
		for line := range strings.Lines(text(s, func(r oldconfig.RealServer) bool { return !r.Disabled && !r.Fallback })) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func writeService(b *strings.Builder, s *oldconfig.Service) {
	lines := strings.Split(strings.TrimSuffix(text(s, func(oldconfig.RealServer) bool { return true }), "\n"), "\n")
	fmt.Fprintf(b, "%d: %s", s.Number, lines[0])
	if s.Name != "" {
		fmt.Fprintf(b, " (%s)", s.Name)
	}
	for i, r := range s.RealServers {
		fmt.Fprintf(b, "\n%d: %s", r.Number, lines[1+i])
		if r.Name != "" {
			fmt.Fprintf(b, " (%s)", r.Name)
		}
		if r.Disabled {
			b.WriteString(" off")
		}
		if r.Fallback {
			b.WriteString(" fallback")
		}
	}
	b.WriteString("\n")
}

// text returns ipvs.Text of the service, with its address in place of the mark.
func text(s *oldconfig.Service, with func(oldconfig.RealServer) bool) string {
	v := ipvs.VirtualService{Service: ipvs.Service{
		Key: ipvs.Key{Mark: s.Mark, Family: s.Family}, SchedName: s.Scheduler, Timeout: s.Timeout,
		Netmask: s.Netmask, RawNetmask: s.RawNetmask, Flags: s.Flags, PEName: s.Engine,
	}}
	for _, r := range s.RealServers {
		if with(r) {
			v.Destinations = append(v.Destinations, r.Destination)
		}
	}
	written := ipvs.Text([]ipvs.VirtualService{v})
	if s.Mark != 0 {
		return written
	}
	option := map[config.Protocol]string{config.TCP: "-t", config.UDP: "-u", value.SCTP: "--sctp-service"}[s.Protocol]
	mark := "-f 0 "
	if s.Family == config.IPv6 {
		mark = "-f 0 -6 "
	}
	return strings.ReplaceAll(written, mark, fmt.Sprintf("%s %s ", option, s.Address))
}
