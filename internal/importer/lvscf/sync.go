package lvscf

import (
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A syncDaemon is what lvs.cf says about connection sync.
type syncDaemon struct {
	on     bool
	device string
	id     uint64
	line   oldconfig.Line
}

// syncSetting reads syncdaemon = 1, syncd_iface and syncd_id. Their defaults are eth0 and 0.
func (r *reader) syncSetting(key string, s setting) {
	switch key {
	case "syncdaemon":
		r.sync.on, r.sync.line = s.value != "0", s.Line
	case "syncd_iface":
		r.sync.device = s.value
	case "syncd_id":
		id, ok := value.Number(s.value, 0, 255)
		if r.sync.id = id; !ok {
			r.remarks.AddNotUnderstood(s.Line, "syncd_id %q is not a number from 0 to 255", s.value)
		}
	}
}

// daemons returns both daemons: pulse starts the master on the active director and the backup on
// the other one.
func (s syncDaemon) daemons() *oldconfig.Sync {
	group := config.DefaultSyncGroup()
	daemon := config.SyncDaemon{
		Device: s.device, ID: uint32(s.id), MaxLen: config.DefaultSyncMaxLen(group), Group: group,
		Port: config.DefaultSyncPort, TTL: config.DefaultSyncTTL,
	}
	if daemon.Device == "" {
		daemon.Device = "eth0"
	}
	return &oldconfig.Sync{Sync: config.Sync{Role: config.SyncBoth, SyncDaemon: daemon}, Line: s.line}
}
