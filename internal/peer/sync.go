package peer

import (
	"fmt"

	"github.com/lvsmark/lvsmark/config"
)

// synchronization compares the sync daemons of two directors.
func synchronization(ours, theirs *config.Sync) (found []Difference) {
	const object = "director.sync"
	if a, b := stream(ours, theirs), stream(theirs, ours); a != b {
		found = append(found, Difference{object, a, b, "a backup drops messages with another id, and gets none from another group or port"})
	}
	if ours == nil || theirs == nil {
		return found
	}
	if ours.TTL != theirs.TTL {
		found = append(found, Difference{object, fmt.Sprintf("ttl %d", ours.TTL), fmt.Sprintf("ttl %d", theirs.TTL), "messages of one director may not reach the other"})
	}
	return append(found, roles(ours, theirs)...)
}

// stream returns what master and backup must have in common. A backup with id 0 receives from
// each master (ip_vs_process_message of ip_vs_sync.c), so a director that only receives has the
// id of the other one then.
func stream(s, other *config.Sync) string {
	if s == nil {
		return ""
	}
	id := s.ID
	if other != nil && s.Role == config.SyncBackup && id == 0 {
		id = other.ID
	}
	return fmt.Sprintf("id %d, group %s, port %d", id, s.Group, s.Port)
}

// roles checks that what one director sends the other receives as a whole.
func roles(ours, theirs *config.Sync) []Difference {
	const mend = ": set role: both, or master and backup"
	here, there := "role "+ours.Role.String(), "role "+theirs.Role.String()
	switch {
	case ours.Role == theirs.Role && ours.Role != config.SyncBoth:
		return []Difference{{"director.sync", here, there, "no director sends what the other receives" + mend}}
	case ours.Role != theirs.Role && (ours.Role == config.SyncBoth || theirs.Role == config.SyncBoth):
		return []Difference{{"director.sync", here, there, "one director sends what the other does not receive, or receives what it does not send" + mend}}
	case truncates(ours, theirs) || truncates(theirs, ours):
		return []Difference{{"director.sync", fmt.Sprintf("maxlen %d", ours.MaxLen), fmt.Sprintf("maxlen %d", theirs.MaxLen), "a backup truncates messages that are longer than its own maxlen"}}
	}
	return nil
}

// truncates reports whether one director sends messages that are too long for the other.
func truncates(master, backup *config.Sync) bool {
	return master.Role != config.SyncBackup && backup.Role != config.SyncMaster && master.MaxLen > backup.MaxLen
}
