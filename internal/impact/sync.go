package impact

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// syncDetail describes what a change of a sync daemon means for the other director. It
// changes no traffic of this one.
func syncDetail(s SettingChange) string {
	switch {
	case s.Before == config.SyncOff:
		return ""
	case s.After == config.SyncOff && s.Name == config.SyncMasterSetting:
		return "the other director no longer gets new connections of this one: they end if it takes over"
	case s.After == config.SyncOff:
		return "connections of the other director are no longer received: new ones end if this one takes over"
	}
	text := "the daemon is restarted: what is sent meanwhile is lost, until the connections are sent again"
	before, err := config.ParseSyncDaemon(s.Before)
	if err != nil {
		return text
	}
	after, err := config.ParseSyncDaemon(s.After)
	if err != nil {
		return text
	}
	change := masterChange
	if s.Name == config.SyncBackupSetting {
		change = backupChange
	}
	return strings.Join(append([]string{text}, change(before, after)...), "; ")
}

// daemonsKeep describes a sysctl that a sync daemon reads when it starts (start_sync_thread,
// make_send_sock and make_receive_sock of net/netfilter/ipvs/ip_vs_sync.c), if one of the spec
// runs already; empty: it takes effect at once. The kernel does not tell the value of a daemon.
func (a *analyzer) daemonsKeep(name string) string {
	if name != config.SyncPortsSysctl && name != "net.ipv4.vs.sync_sock_size" || a.Spec == nil {
		return ""
	}
	var running []string
	for _, daemon := range a.Spec.Settings() {
		if config.IsSyncSetting(daemon.Name) && !a.changes(daemon.Name) {
			running = append(running, strings.TrimPrefix(daemon.Name, "ipvs.sync."))
		}
	}
	if running == nil {
		return ""
	}
	return "has no effect on running sync daemons: run ipvsadm --stop-daemon " + strings.Join(running, ", ipvsadm --stop-daemon ") + ", and apply again"
}

// masterChange describes which daemons receive what a changed master sends: a backup ignores
// other ids (unless its own is 0), and drops a message that its maxlen cuts off
// (ip_vs_process_message of net/netfilter/ipvs/ip_vs_sync.c).
func masterChange(before, after config.SyncDaemon) (changes []string) {
	if before.ID != after.ID {
		changes = append(changes, fmt.Sprintf("a backup with id %d ignores it: set id %d on the other director too", before.ID, after.ID))
	}
	if destination(before) != destination(after) {
		changes = append(changes, fmt.Sprintf("it is sent to %s: the other director must receive there", destination(after)))
	}
	if after.MaxLen > before.MaxLen {
		changes = append(changes, fmt.Sprintf("messages have up to %d bytes: a backup with a smaller maxlen drops larger ones", after.MaxLen))
	}
	if after.TTL < before.TTL {
		changes = append(changes, fmt.Sprintf("messages pass %d routers at most", after.TTL-1))
	}
	return changes
}

// backupChange describes what a changed backup receives.
func backupChange(before, after config.SyncDaemon) (changes []string) {
	switch {
	case before.ID == after.ID:
	case after.ID == 0:
		changes = append(changes, "connections of masters with any id are received")
	default:
		changes = append(changes, fmt.Sprintf("only connections of masters with id %d are received", after.ID))
	}
	if destination(before) != destination(after) {
		changes = append(changes, fmt.Sprintf("only what is sent to %s is received", destination(after)))
	}
	if after.MaxLen < before.MaxLen {
		changes = append(changes, fmt.Sprintf("messages of more than %d bytes are dropped", after.MaxLen))
	}
	return changes
}

// destination is where a daemon sends messages, or receives them.
func destination(d config.SyncDaemon) string {
	return fmt.Sprintf("%s port %d on %s", d.Group, d.Port, d.Device)
}
