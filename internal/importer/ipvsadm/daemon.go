package ipvsadm

import (
	"fmt"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// The states of --start-daemon.
const (
	masterState = "master"
	backupState = "backup"
)

// daemonOptions are the options of a sync daemon.
type daemonOptions struct {
	state     string
	daemon    config.SyncDaemon
	hasLength bool
}

// defaultDaemon returns the defaults of ipvsadm 1.31 and of the kernel.
func defaultDaemon() daemonOptions {
	return daemonOptions{daemon: config.SyncDaemon{
		Device: "eth0", Group: config.DefaultSyncGroup(), Port: config.DefaultSyncPort, TTL: config.DefaultSyncTTL,
	}}
}

// set sets an option of --start-daemon.
func (d *daemonOptions) set(name, text string) error {
	number := func(low, high uint64) (n uint64, err error) {
		n, ok := value.Number(text, low, high)
		if !ok {
			err = fmt.Errorf("--%s has %d to %d, not %q", name, low, high, text)
		}
		return n, err
	}
	var n uint64
	var err error
	switch name {
	case "mcast-interface":
		d.daemon.Device = text
	case "syncid":
		n, err = number(0, 255)
		d.daemon.ID = uint32(n)
	case "sync-maxlen":
		n, err = number(1, 65507)
		d.daemon.MaxLen, d.hasLength = uint16(n), true
	case "mcast-port":
		n, err = number(1, 65535)
		d.daemon.Port = uint16(n)
	case "mcast-ttl":
		n, err = number(1, 255)
		d.daemon.TTL = uint8(n)
	case "mcast-group":
		group, ok := value.Address(text)
		if !ok {
			err = fmt.Errorf("--%s has an address, not %q", name, text)
		}
		d.daemon.Group = group
	}
	return err
}

// startDaemon starts a daemon. The kernel refuses a second one of the same state.
func (s *State) startDaemon(d daemonOptions, line oldconfig.Line) {
	role, known := map[string]config.SyncRole{masterState: config.SyncMaster, backupState: config.SyncBackup}[d.state]
	switch {
	case !known:
		s.config.AddNotUnderstood(line, "ipvsadm: a sync daemon is master or backup, not %q", d.state)
		return
	case s.daemons[d.state] != nil:
		s.config.AddFinding(line, "the kernel refuses a second sync daemon %s; the first is in %s", d.state, s.daemons[d.state].Line)
		return
	}
	if !d.hasLength {
		d.daemon.MaxLen = config.DefaultSyncMaxLen(d.daemon.Group)
	}
	s.daemons[d.state] = &oldconfig.Sync{Sync: config.Sync{Role: role, SyncDaemon: d.daemon}, Line: line}
}
