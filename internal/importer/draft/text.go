package draft

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/ipvs"
)

// Text returns the spec as YAML. A comment names the line that each value comes from.
func (d *Draft) Text() string {
	w := &writer{}
	w.line(0, "clusters:", "")
	if len(d.clusters) == 0 {
		w.line(1, "# no rule sets a mark, and no service has real servers", "")
	}
	for _, c := range d.clusters {
		w.cluster(c)
	}
	w.director(d)
	return w.String()
}

// A writer writes YAML.
type writer struct{ strings.Builder }

// line writes an indented line, with a comment unless that is empty.
func (w *writer) line(depth int, text, comment string) {
	w.WriteString(strings.Repeat("  ", depth))
	w.WriteString(text)
	if comment != "" {
		w.WriteString("  # " + printable.Line(comment))
	}
	w.WriteByte('\n')
}

func (w *writer) key(depth int, key string, value any, from oldconfig.Line) {
	w.line(depth, fmt.Sprintf("%s: %v", key, value), from.String())
}

func (w *writer) cluster(c *cluster) {
	w.line(1, "- name: "+c.name, "")
	mark := c.line().String()
	if c.lines == nil {
		mark = "new: the service had no mark"
	}
	w.line(2, "mark: "+markText(c.mark), mark)
	w.vips(c.vips)
	if c.device != "" {
		w.key(2, "vip-device", strconv.Quote(c.device), c.deviceLine)
	}
	w.only(c)
	switch {
	case c.ftp != nil:
		w.ftp(c)
	case c.everyPort:
		w.key(2, "ports", "[all]", c.line())
	default:
		w.key(2, "ports", "["+portsText(c.ports)+"]", c.line())
	}
	if len(c.services) == 0 {
		w.line(2, "real-servers: []", "the files name none")
		return
	}
	w.service(c, c.services[0])
	w.netmask(c)
	if c.sourceNAT != config.NoSourceNAT {
		w.key(2, "source-nat", c.sourceNAT.String(), c.sourceNATLine)
	}
	w.line(2, "real-servers:", "")
	for _, s := range c.services {
		for _, r := range s.RealServers {
			w.realServer(c, r)
		}
	}
}

func (w *writer) vips(vips []vip) {
	if len(vips) == 1 {
		w.key(2, "vips", "["+quoted(vips[0].String())+"]", vips[0].line)
		return
	}
	w.line(2, "vips:", "")
	for _, v := range vips {
		w.line(3, "- "+quoted(v.String()), v.line.String())
	}
}

func (w *writer) only(c *cluster) {
	if c.only.equal(only{}) {
		return
	}
	w.line(2, "only:", c.line().String())
	if c.only.sources != nil {
		w.line(3, "sources: "+list(c.only.sources, func(s source) string { return quoted(s.String()) }), "")
	}
	if c.only.devices != nil {
		w.line(3, "devices: "+list(c.only.devices, func(s string) string { return fmt.Sprintf("%q", s) }), "")
	}
	if c.only.exceptMACs != nil {
		w.line(3, "except-macs: "+list(c.only.exceptMACs, macText), "")
	}
}

func macText(n oldconfig.Number) string {
	b := make(net.HardwareAddr, 6)
	for i := range b {
		b[i] = byte(n.Low >> (8 * (5 - i)))
	}
	return fmt.Sprintf("%q", b.String())
}

// list returns a YAML sequence in one line.
func list[T any](all []T, text func(T) string) string {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = text(one)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func (w *writer) ftp(c *cluster) {
	f := c.ftp
	w.line(2, "ftp:", "")
	w.key(3, "control-ports", list(f.control, func(p uint16) string { return fmt.Sprint(p) }), c.line())
	passive := portsText(f.passive)
	if len(f.passive) > 1 {
		passive = "[" + passive + "]"
	}
	from := c.line().String()
	if !f.compared {
		from += "; the FTP servers must have the same range"
	}
	w.line(3, "passive-ports: "+passive, from)
	if f.shards > 0 {
		w.key(3, "passive-shards", f.shards, c.firstShard().line())
		w.line(3, "shard-marks: "+markText(f.shardMarks), "")
	}
	if !f.translates {
		return
	}
	w.line(3, "active-data:", f.line.String())
	w.line(4, "translate: "+f.translate.String(), "")
	if f.sources != nil && f.translate != config.NoTranslation {
		w.line(4, "source: "+list(f.sources, quoted), "")
	}
	if f.activePorts != nil {
		w.line(4, "ports: "+list(f.activePorts, func(p uint16) string { return fmt.Sprint(p) }), "")
	}
}

func (w *writer) service(c *cluster, s *oldconfig.Service) {
	w.key(2, "forwarding", commonForwarding(s), s.Line)
	w.key(2, "scheduler", word(s.Scheduler), s.Line)
	if flags := schedulerFlags(s); flags != nil {
		w.key(2, "scheduler-flags", list(flags, func(s string) string { return s }), s.Line)
	}
	if s.Flags&ipvs.OnePacket != 0 && c.isUDP() {
		w.key(2, "one-packet", true, s.Line)
	}
	if s.Timeout == 0 {
		w.key(2, "persistence", 0, s.Line)
		return
	}
	w.key(2, "persistence", durationText(s.Timeout), s.Line)
}

// netmask writes the prefix length by which clients are grouped, the same in both families.
func (w *writer) netmask(c *cluster) {
	for _, s := range c.services {
		if s.Timeout > 0 && s.Netmask != s.Family.Bits() {
			w.key(2, "persistence-netmask", s.Netmask, s.Line)
			return
		}
	}
}

// schedulerFlags returns the flags of sh and mh: those of other schedulers have no effect.
func schedulerFlags(s *oldconfig.Service) []string {
	if s.Scheduler != "sh" && s.Scheduler != "mh" {
		return nil
	}
	var flags []string
	if s.Flags&ipvs.SHFallback != 0 {
		flags = append(flags, s.Scheduler+"-fallback")
	}
	if s.Flags&ipvs.SHPort != 0 {
		flags = append(flags, s.Scheduler+"-port")
	}
	return flags
}

func (w *writer) realServer(c *cluster, r oldconfig.RealServer) {
	var keys []string
	if name := sanitized(r.Name); name != "" {
		keys = append(keys, "name: "+name)
	}
	keys = append(keys, "address: "+quoted(r.Address.String()))
	if r.Port != 0 && c.onePort() && !c.ownsPort(r) && !c.isPersistent() {
		keys = append(keys, fmt.Sprintf("port: %d", r.Port))
	}
	if r.Weight != config.DefaultWeight {
		keys = append(keys, fmt.Sprintf("weight: %d", r.Weight))
	}
	if r.UpperThreshold != 0 {
		keys = append(keys, fmt.Sprintf("upper-threshold: %d", r.UpperThreshold))
	}
	if r.LowerThreshold != 0 {
		keys = append(keys, fmt.Sprintf("lower-threshold: %d", r.LowerThreshold))
	}
	if r.Forwarding != commonForwarding(c.services[0]) {
		keys = append(keys, "forwarding: "+r.Forwarding.String())
	}
	if r.Forwarding == config.Tunnel && r.Tunnel != (ipvs.Tunnel{}) {
		keys = append(keys, tunnelText(r.Tunnel))
	}
	if shard := c.shardOf(r); shard >= 0 {
		keys = append(keys, fmt.Sprintf("shard: %d", shard))
	}
	entry, comment := "- {"+strings.Join(keys, ", ")+"}", r.Line.String()
	if r.Disabled || r.Fallback {
		entry = "# " + entry
	}
	w.line(3, entry, comment)
}

// word quotes a name if it has other characters than the names of the kernel.
func word(name string) string {
	for _, char := range name {
		if char != '-' && char != '_' && (char < '0' || char > '9') && (char < 'a' || char > 'z') {
			return strconv.QuoteToASCII(name) // its escape sequences are those of YAML too
		}
	}
	return name
}

func addressText(a netip.Addr) string { return quoted(a.String()) }

// quoted quotes an IPv6 address: YAML may take its colons for those behind keys.
func quoted(address string) string {
	if strings.Contains(address, ":") {
		return fmt.Sprintf("%q", address)
	}
	return address
}

// tunnelText returns the encapsulation as in the spec; see ipvs.Tunnel.
func tunnelText(t ipvs.Tunnel) string {
	keys := []string{"type: " + [...]string{"ipip", "gue", "gre"}[min(t.Type, 2)]}
	if t.Port != 0 {
		keys = append(keys, fmt.Sprintf("port: %d", t.Port))
	}
	if checksum := [...]string{"", "csum", "remcsum"}[min(t.Flags, 2)]; checksum != "" {
		keys = append(keys, "checksum: "+checksum)
	}
	return "tunnel: {" + strings.Join(keys, ", ") + "}"
}

// durationText returns a duration without units that are zero: 5m, not 5m0s.
func durationText(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}
