package sessions

import (
	"fmt"

	"github.com/lvsmark/lvsmark/integration/lab"
)

// Changes of the sync daemons. Each one alone starts a master, and a backup with syncBoth.
const (
	syncBoth   change = "sync: role both"
	syncMaxlen change = "sync: maxlen"
	syncPort   change = "sync: port"
)

// sync returns the sync daemons of the director.
func (s *site) sync() string {
	if !s.on[syncBoth] && !s.on[syncMaxlen] && !s.on[syncPort] {
		return ""
	}
	return fmt.Sprintf("sync: {role: %s, device: %s, id: 1, maxlen: %s, port: %s}, ", s.pick(syncBoth, "master", "both"),
		lab.ServerDevice, s.pick(syncMaxlen, "1472", "1200"), s.pick(syncPort, "8848", "8849"))
}
