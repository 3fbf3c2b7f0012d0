package keepalived

import (
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// syncDaemon takes lvs_sync_daemon, or that of an instance of version 1. keepalived starts the
// master or the backup, by the state of the instance. With both, the one sends the connections
// that the director has, and the other receives: the connections are the same.
func (r *reader) syncDaemon() {
	if r.daemon != nil {
		r.globalDaemon(r.daemon)
		return
	}
	for _, i := range r.instances {
		if i.syncOn != "" {
			r.addSync(syncOn(i.syncOn, uint32(i.RouterID)), i.Line)
			return
		}
	}
}

func syncOn(device string, id uint32) config.SyncDaemon {
	group := config.DefaultSyncGroup()
	return config.SyncDaemon{
		Device: device, ID: id, MaxLen: config.DefaultSyncMaxLen(group), Group: group,
		Port: config.DefaultSyncPort, TTL: config.DefaultSyncTTL,
	}
}

func (r *reader) addSync(d config.SyncDaemon, line oldconfig.Line) {
	r.config.Syncs = append(r.config.Syncs, &oldconfig.Sync{Sync: config.Sync{Role: config.SyncBoth, SyncDaemon: d}, Line: line})
}

// globalDaemon reads lvs_sync_daemon DEVICE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N]
// [group ADDRESS]. Without id it is the virtual_router_id of the instance.
func (r *reader) globalDaemon(n *node) {
	rest := n.words[1:]
	if len(rest) == 0 {
		r.config.AddFinding(n.Line, "lvs_sync_daemon has no device")
		return
	}
	d := syncOn(rest[0], 0)
	hasID, hasLength := false, false
	for rest = rest[1:]; len(rest) > 0; {
		known := true
		switch number := wordNumber(rest); rest[0] {
		case "inst":
			d.ID = r.idOf(rest[min(1, len(rest)-1)], hasID, d.ID)
		case "id":
			d.ID, hasID, known = uint32(number), true, number >= 0 && number <= 255
		case "maxlen":
			d.MaxLen, hasLength, known = uint16(number), true, number > 0 && number <= 65507
		case "port":
			d.Port, known = uint16(number), number > 0 && number <= 65535
		case "ttl":
			d.TTL, known = uint8(number), number > 0 && number <= 255
		case "group":
			d.Group, known = value.Address(rest[min(1, len(rest)-1)])
		default:
			d.ID = r.idOf(rest[0], hasID, d.ID)
			rest = rest[1:]
			continue
		}
		if !known || len(rest) < 2 {
			r.config.AddFinding(n.Line, "connection sync is not imported: %s is not understood", strings.Join(rest[:min(2, len(rest))], " "))
			return
		}
		rest = rest[2:]
	}
	if !hasLength {
		d.MaxLen = config.DefaultSyncMaxLen(d.Group)
	}
	r.addSync(d, n.Line)
}

// wordNumber returns the number that follows a word; -1: none.
func wordNumber(words []string) int {
	if len(words) > 1 {
		if n, ok := value.Number(words[1], 0, 1<<16); ok {
			return int(n)
		}
	}
	return -1
}

// idOf returns the virtual_router_id of an instance, unless there is an id.
func (r *reader) idOf(name string, hasID bool, id uint32) uint32 {
	for _, i := range r.instances {
		if i.name == name && !hasID {
			return uint32(i.RouterID)
		}
	}
	return id
}
