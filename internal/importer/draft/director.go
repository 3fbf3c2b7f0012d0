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
	sysctls      []config.Setting
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
	d.vrrp = c.VRRP
	if c.Applied != nil {
		d.takeApplied(c.Applied)
	}
	for _, s := range c.Syncs {
		d.addSync(s)
	}
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
			d.sysctls = append(d.sysctls, s)
		}
	}
	all := len(forward) > 0 && len(forward) == len(d.forwardSysctls())
	d.forward = &all
	if !all {
		for name := range forward {
			d.sysctls = append(d.sysctls, config.Setting{Name: name, Value: "1"})
		}
	}
	slices.SortFunc(d.sysctls, func(a, b config.Setting) int { return strings.Compare(a.Name, b.Name) })
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
