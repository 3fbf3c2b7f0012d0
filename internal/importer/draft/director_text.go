package draft

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// director writes the keys that have other values than the default.
func (w *writer) director(d *Draft) {
	text := &writer{}
	text.hooks(&d.director)
	text.settings(&d.director)
	if text.Len() > 0 {
		w.line(0, "director:", "")
		w.WriteString(text.String())
	}
}

func (w *writer) hooks(d *director) {
	if d.table != "" && d.table != config.DefaultTable {
		w.line(1, "table: "+d.table, "")
	}
	if !d.bind {
		w.line(1, "bind: false", "the files have no services")
	}
	if d.firstPackets {
		w.line(1, "marks: first-packet", "")
	}
	if d.keepMarks {
		w.line(1, "keep-marks: true", "")
	}
	if d.localClients {
		w.line(1, "local-clients: true", "")
	}
	if d.forward != nil {
		w.line(1, fmt.Sprintf("ip-forward: %t", *d.forward), "")
	}
}

func (w *writer) settings(d *director) {
	w.timeouts(d)
	if len(d.sysctls) > 0 {
		w.line(1, "sysctls:", "")
		for _, s := range d.sysctls {
			w.line(2, fmt.Sprintf("%s: %q", s.Name, s.Value), s.Line.String())
		}
	}
	if d.sync != nil {
		w.key(1, "sync", syncText(d.sync.Sync), d.sync.Line)
	}
	w.vrrp(d.vrrp)
}

func (w *writer) timeouts(d *director) {
	if d.timeouts == (config.Timeouts{}) || !d.bind {
		return
	}
	w.key(1, "ipvs-timeouts", "{"+strings.Join(slices.DeleteFunc([]string{
		timeoutText("tcp", d.timeouts.TCP), timeoutText("tcp-fin", d.timeouts.TCPFin), timeoutText("udp", d.timeouts.UDP),
	}, func(s string) bool { return s == "" }), ", ")+"}", d.timeoutsLine)
}

func timeoutText(name string, value time.Duration) string {
	if value == 0 {
		return ""
	}
	return name + ": " + durationText(value)
}

// syncText returns the sync daemons as in the spec, without defaults.
func syncText(s config.Sync) string {
	text := fmt.Sprintf("{role: %s, device: %q, id: %d", s.Role, s.Device, s.ID)
	if s.MaxLen != config.DefaultSyncMaxLen(s.Group) {
		text += fmt.Sprintf(", maxlen: %d", s.MaxLen)
	}
	if s.Group != config.DefaultSyncGroup() {
		text += fmt.Sprintf(", group: %q", s.Group)
	}
	if s.Port != config.DefaultSyncPort {
		text += fmt.Sprintf(", port: %d", s.Port)
	}
	if s.TTL != config.DefaultSyncTTL {
		text += fmt.Sprintf(", ttl: %d", s.TTL)
	}
	return text + "}"
}

// vrrp writes the group of directors.
func (w *writer) vrrp(v *oldconfig.VRRP) {
	if v == nil {
		return
	}
	w.line(1, "vrrp:", v.Line.String())
	w.line(2, fmt.Sprintf("device: %q", v.Device), "")
	w.line(2, fmt.Sprintf("router-id: %d", v.RouterID), "")
	w.line(2, fmt.Sprintf("priority: %d", v.Priority), "")
	w.line(2, "peers: "+list(v.Peers, addressText), "")
	if v.Source.IsValid() {
		w.line(2, "source: "+addressText(v.Source), "")
	}
	if v.Interval != config.DefaultAdvertInterval {
		w.line(2, "interval: "+durationText(v.Interval), "")
	}
	if v.Preempt {
		w.line(2, "preempt: true", "")
	}
	if v.Gateways != nil {
		w.line(2, "gateways: "+list(v.Gateways, func(g config.Gateway) string {
			return fmt.Sprintf("{address: %s, device: %q}", addressText(g.Address), g.Device)
		}), "")
	}
}
