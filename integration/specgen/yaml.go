package specgen

import (
	"fmt"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
)

// YAML returns the spec as a file for lvsmark. It writes all keys, so that nothing
// depends on defaults.
func YAML(spec *config.Spec) string {
	var b strings.Builder
	b.WriteString("clusters:\n")
	for i := range spec.Clusters {
		writeCluster(&b, &spec.Clusters[i])
	}
	d := &spec.Director
	fmt.Fprintf(&b, "director:\n  table: %s\n  bind: %t\n  ip-forward: %t\n", d.Table, d.Bind, d.IPForward)
	fmt.Fprintf(&b, "  marks: %s\n  keep-marks: %t\n  local-clients: %t\n", d.Marks, d.KeepMarks, d.LocalClients)
	if d.Timeouts != (config.Timeouts{}) {
		b.WriteString("  ipvs-timeouts:\n")
		writeTimeout(&b, "tcp", d.Timeouts.TCP)
		writeTimeout(&b, "tcp-fin", d.Timeouts.TCPFin)
		writeTimeout(&b, "udp", d.Timeouts.UDP)
	}
	if s := d.Sync; s != nil {
		fmt.Fprintf(&b, "  sync: {role: %s, device: %s, id: %d, maxlen: %d, group: %q, port: %d, ttl: %d}\n", s.Role, s.Device, s.ID, s.MaxLen, s.Group, s.Port, s.TTL)
	}
	if d.VRRP != nil {
		writeVRRP(&b, d.VRRP)
	}
	if len(d.Sysctls) > 0 {
		b.WriteString("  sysctls:\n")
		for _, s := range d.Sysctls {
			fmt.Fprintf(&b, "    %s: %q\n", s.Name, s.Value)
		}
	}
	return b.String()
}

func writeVRRP(b *strings.Builder, v *config.VRRP) {
	fmt.Fprintf(b, "  vrrp:\n    device: %s\n    router-id: %d\n    priority: %d\n    peers: %s\n    interval: %s\n    preempt: %t\n",
		v.Device, v.RouterID, v.Priority, list(v.Peers), v.Interval, v.Preempt)
	if v.Source.IsValid() {
		fmt.Fprintf(b, "    source: %q\n", v.Source)
	}
	if len(v.Gateways) > 0 {
		b.WriteString("    gateways:\n")
	}
	for _, g := range v.Gateways {
		fmt.Fprintf(b, "      - {address: %q, device: %s}\n", g.Address, g.Device)
	}
}

func writeTimeout(b *strings.Builder, name string, d time.Duration) {
	if d > 0 {
		fmt.Fprintf(b, "    %s: %s\n", name, d)
	}
}

func writeCluster(b *strings.Builder, c *config.Cluster) {
	fmt.Fprintf(b, "  - name: %s\n    mark: 0x%x\n    vips: %s\n", c.Name, c.Mark, list(c.VIPs))
	if c.VIPDevice != "" {
		fmt.Fprintf(b, "    vip-device: %s\n", c.VIPDevice)
	}
	if c.Only != nil {
		writeOnly(b, c.Only)
	}
	if c.FTP != nil {
		writeFTP(b, c.FTP)
	} else {
		fmt.Fprintf(b, "    ports: %s\n", list(c.Ports))
	}
	fmt.Fprintf(b, "    source-nat: %s\n", c.SourceNAT)
	fmt.Fprintf(b, "    forwarding: %s\n    scheduler: %s\n    persistence: %s\n", c.Forwarding, c.Scheduler, duration(c.Persistence))
	if flags := hashFlags(c); flags != nil {
		fmt.Fprintf(b, "    scheduler-flags: %s\n", list(flags))
	}
	fmt.Fprintf(b, "    one-packet: %t\n", c.OnePacket)
	if c.PersistenceNetmask > 0 {
		fmt.Fprintf(b, "    persistence-netmask: %d\n", c.PersistenceNetmask)
	}
	b.WriteString("    real-servers:\n")
	for _, s := range c.RealServers {
		fmt.Fprintf(b, "      - {address: %q, weight: %d", s.Address, s.Weight)
		if s.Name != "" {
			fmt.Fprintf(b, ", name: %s", s.Name)
		}
		writeServerKeys(b, &s)
		if shardsOf(c) > 0 {
			fmt.Fprintf(b, ", shard: %d", s.Shard)
		}
		b.WriteString("}\n")
	}
}

func writeOnly(b *strings.Builder, only *config.Only) {
	b.WriteString("    only:\n")
	if len(only.Sources) > 0 {
		fmt.Fprintf(b, "      sources: %s\n", list(only.Sources))
	}
	if len(only.Devices) > 0 {
		fmt.Fprintf(b, "      devices: %s\n", list(only.Devices))
	}
	if len(only.ExceptMACs) > 0 {
		fmt.Fprintf(b, "      except-macs: [\"%s\"]\n", strings.Trim(strings.ReplaceAll(fmt.Sprint(only.ExceptMACs), " ", `", "`), "[]"))
	}
}

func writeServerKeys(b *strings.Builder, s *config.RealServer) {
	fmt.Fprintf(b, ", forwarding: %s, port: %d, upper-threshold: %d, lower-threshold: %d", s.Forwarding, s.Port, s.UpperThreshold, s.LowerThreshold)
	if s.Forwarding != config.Tunnel {
		return
	}
	fmt.Fprintf(b, ", tunnel: {type: %s, checksum: %s", s.Encapsulation.Type, s.Encapsulation.Checksum)
	if s.Encapsulation.Type == config.GUE {
		fmt.Fprintf(b, ", port: %d", s.Encapsulation.Port)
	}
	b.WriteString("}")
}

func hashFlags(c *config.Cluster) []string {
	var flags []string
	if c.Hash.Port {
		flags = append(flags, c.Scheduler+"-port")
	}
	if c.Hash.Fallback {
		flags = append(flags, c.Scheduler+"-fallback")
	}
	return flags
}

func writeFTP(b *strings.Builder, ftp *config.FTP) {
	fmt.Fprintf(b, "    ftp:\n      control-ports: %s\n      passive-ports: %s\n", list(ftp.ControlPorts), list(ftp.PassivePorts))
	writeShards(b, ftp)
	if ftp.Active != nil {
		fmt.Fprintf(b, "      active-data:\n        translate: %s\n        source: %s\n        ports: %s\n",
			ftp.Active.Translate, list(ftp.Active.Sources), list(ftp.Active.Ports))
	}
}

// list returns a YAML list on one line. IPv6 addresses need quotes only with a colon
// at the end.
func list[T any](values []T) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = fmt.Sprint(v)
		if strings.HasSuffix(words[i], ":") {
			words[i] = fmt.Sprintf("%q", words[i])
		}
	}
	return "[" + strings.Join(words, ", ") + "]"
}

func duration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	return d.String()
}
