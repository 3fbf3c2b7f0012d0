package draft

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A director is the settings of the director. Zero values are those of a spec without the key.
type director struct {
	table        string
	bind         bool
	firstPackets bool
	keepMarks    bool
	localClients bool
	forward      *bool
	timeouts     config.Timeouts
	sysctls      []oldconfig.Sysctl
	sync         *oldconfig.Sync
	vrrp         *oldconfig.VRRP

	timeoutsLine oldconfig.Line
}

// takeSettings takes what the configuration says about the director itself.
func (d *Draft) takeSettings(c *oldconfig.Config) {
	for _, t := range c.Timeouts {
		d.timeoutsLine = t.Line
		for _, v := range []struct {
			to   *time.Duration
			from time.Duration
		}{{&d.timeouts.TCP, t.TCP}, {&d.timeouts.TCPFin, t.TCPFin}, {&d.timeouts.UDP, t.UDP}} {
			if v.from > 0 {
				*v.to = v.from
			}
		}
	}
	if c.VRRP != nil {
		d.takeVRRP(c.VRRP)
	}
	if c.Applied != nil {
		d.takeApplied(c.Applied)
	}
	for _, s := range c.Syncs {
		d.addSync(s)
	}
	for _, s := range c.Sysctls {
		d.setSysctl(s)
	}
}

// setSysctl sets a sysctl in place of an earlier line.
func (d *Draft) setSysctl(s oldconfig.Sysctl) {
	d.sysctls = append(slices.DeleteFunc(d.sysctls, func(earlier oldconfig.Sysctl) bool { return earlier.Name == s.Name }), s)
}

// addSync adds a sync daemon. A spec has one configuration for the master and the backup.
func (d *Draft) addSync(s *oldconfig.Sync) {
	switch {
	case d.sync == nil:
		d.sync = s
	case d.sync.SyncDaemon != s.SyncDaemon:
		d.remark(s.Line, "this sync daemon (%s) is configured other than that of %s (%s); a spec has one configuration for both, so this one is left out", s.SyncDaemon, d.sync.Line, d.sync.SyncDaemon)
	case d.sync.Role != s.Role:
		both := *d.sync
		both.Role = config.SyncBoth
		d.sync = &both
	}
}

// takeApplied takes the settings of lvsmark's ledger.
func (d *Draft) takeApplied(a *oldconfig.Applied) {
	d.table = a.Table
	line := oldconfig.Line{Text: "table " + a.Table}
	forward := map[string]bool{}
	for _, s := range a.Settings {
		seconds, _ := strconv.Atoi(s.Value)
		switch {
		case s.Name == config.TimeoutTCP:
			d.timeouts.TCP, d.timeoutsLine = time.Duration(seconds)*time.Second, line
		case s.Name == config.TimeoutTCPFin:
			d.timeouts.TCPFin, d.timeoutsLine = time.Duration(seconds)*time.Second, line
		case s.Name == config.TimeoutUDP:
			d.timeouts.UDP, d.timeoutsLine = time.Duration(seconds)*time.Second, line
		case config.IsSyncSetting(s.Name):
			d.addAppliedSync(s, line)
		case slices.Contains(d.forwardSysctls(), s.Name) && s.Value == "1":
			forward[s.Name] = true
		case s.Name == config.ConntrackSysctl && s.Value == "1" && d.translatesClients():
		default:
			d.setSysctl(oldconfig.Sysctl{Setting: s})
		}
	}
	all := len(forward) > 0 && len(forward) == len(d.forwardSysctls())
	d.forward = &all
	if !all {
		for name := range forward {
			d.setSysctl(oldconfig.Sysctl{Setting: config.Setting{Name: name, Value: "1"}})
		}
	}
	slices.SortFunc(d.sysctls, func(a, b oldconfig.Sysctl) int { return strings.Compare(a.Name, b.Name) })
}

// translatesClients reports whether source-nat of a cluster sets net.ipv4.vs.conntrack.
func (d *Draft) translatesClients() bool {
	return slices.ContainsFunc(d.clusters, func(c *cluster) bool { return c.sourceNAT != config.NoSourceNAT })
}

func (d *Draft) addAppliedSync(s config.Setting, line oldconfig.Line) {
	daemon, err := config.ParseSyncDaemon(s.Value)
	if err != nil {
		return
	}
	role := config.SyncMaster
	if s.Name == config.SyncBackupSetting {
		role = config.SyncBackup
	}
	d.addSync(&oldconfig.Sync{Sync: config.Sync{Role: role, SyncDaemon: daemon}, Line: line})
}

// forwardSysctls returns the parameters that ip-forward sets.
func (d *Draft) forwardSysctls() []string {
	var names []string
	for _, f := range config.Families() {
		if slices.ContainsFunc(d.clusters, func(c *cluster) bool { return slices.Contains(c.families(), f) }) {
			names = append(names, config.ForwardSysctl(f))
		}
	}
	return names
}
