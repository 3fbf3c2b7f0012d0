package ipvs

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A SyncState is the kind of a sync daemon. A network namespace has one of each at most.
type SyncState uint32

// The states, IP_VS_STATE_* of linux/ip_vs.h.
const (
	Master SyncState = 1
	Backup SyncState = 2
)

// String returns the name of ipvsadm(8), --start-daemon.
func (s SyncState) String() string {
	if s == Master {
		return "master"
	}
	return "backup"
}

// SyncDaemon returns the sync daemon of a state in this network namespace; nil: none runs.
func (c *Conn) SyncDaemon(state SyncState) (found *config.SyncDaemon, err error) {
	for attributes, err := range c.query(cmdGetDaemon, unix.NLM_F_DUMP, nil) {
		var have SyncState
		var daemon config.SyncDaemon
		if err == nil {
			have, daemon, err = decodeDaemon(attributes)
		}
		if err != nil {
			return nil, fmt.Errorf("read the %s sync daemon: %w", state, err)
		}
		if have == state {
			found = &daemon
		}
	}
	return found, nil
}

// StartSync starts a sync daemon. The error wraps unix.EEXIST if one of the state runs.
func (c *Conn) StartSync(state SyncState, daemon config.SyncDaemon) error {
	request := c.request(cmdNewDaemon, 0, appendDaemon(nil, state, daemon))
	if err := c.execute(request)[0]; err != nil {
		return fmt.Errorf("start the %s sync daemon on %s: %w%s", state, daemon.Device, err, syncHint(daemon, err))
	}
	return nil
}

// StopSync stops a sync daemon. It does nothing if none runs.
//
// It sends the request twice: if the thread of the daemon has not run yet, it is stopped and
// the result is EINTR (kthread_stop), to which the kernel sends no answer (netlink_rcv_skb of
// net/netlink/af_netlink.c). The second request is always answered.
func (c *Conn) StopSync(state SyncState) error {
	stop := netlink.AppendNested(nil, attrDaemon, func(b []byte) []byte {
		return netlink.AppendUint32(b, daemonState, uint32(state))
	})
	request := c.request(cmdDelDaemon, 0, stop)
	for _, err := range c.execute(request, request) {
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("stop the %s sync daemon: %w", state, err)
		}
	}
	return nil
}

// SyncSetting returns a sync daemon as the value of a setting: its configuration, or
// config.SyncOff.
func (c *Conn) SyncSetting(state SyncState) (string, error) {
	daemon, err := c.SyncDaemon(state)
	if err != nil || daemon == nil {
		return config.SyncOff, err
	}
	return daemon.String(), nil
}

// SetSync sets a sync daemon to a value of SyncSetting. It stops a daemon and starts it
// again: the kernel cannot change the configuration of one that runs.
func (c *Conn) SetSync(state SyncState, value string) error {
	if value == config.SyncOff {
		return c.StopSync(state)
	}
	daemon, err := config.ParseSyncDaemon(value)
	if err != nil {
		return err
	}
	if err := c.StopSync(state); err != nil {
		return err
	}
	return c.StartSync(state, daemon)
}

// syncHint returns the probable cause of a refusal (start_sync_thread of
// net/netfilter/ipvs/ip_vs_sync.c, ip_vs_genl_new_daemon of ip_vs_ctl.c).
func syncHint(daemon config.SyncDaemon, err error) string {
	switch {
	case errors.Is(err, unix.ENODEV):
		return " (the device does not exist)"
	case errors.Is(err, unix.EEXIST):
		return " (another process has started one)"
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Sprintf(" (another program uses UDP port %d: give another port)", daemon.Port)
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Sprintf(" (there is no route to %s: is the device up, and has it an address of that family?)", daemon.Group)
	case errors.Is(err, unix.EINVAL):
		return " (the kernel refuses sync daemons while a real server has another address family than its service)"
	}
	return ""
}

func appendDaemon(b []byte, state SyncState, d config.SyncDaemon) []byte {
	return netlink.AppendNested(b, attrDaemon, func(b []byte) []byte {
		b = netlink.AppendUint32(b, daemonState, uint32(state))
		b = netlink.AppendText(b, daemonDevice, d.Device)
		b = netlink.AppendUint32(b, daemonID, d.ID)
		b = netlink.AppendUint16(b, daemonMaxLen, d.MaxLen)
		group := uint16(daemonGroup)
		if d.Group.Is6() {
			group = daemonGroup6
		}
		b = netlink.AppendAttribute(b, group, d.Group.AsSlice())
		b = netlink.AppendUint16(b, daemonPort, d.Port)
		return netlink.AppendUint8(b, daemonTTL, d.TTL)
	})
}

func decodeDaemon(attributes []byte) (state SyncState, daemon config.SyncDaemon, err error) {
	d := netlink.DecodeNested(attributes, attrDaemon)
	for d.Next() {
		switch d.Type() {
		case daemonState:
			state = SyncState(d.Uint32())
		case daemonDevice:
			daemon.Device = d.Text()
		case daemonID:
			daemon.ID = d.Uint32()
		case daemonMaxLen:
			daemon.MaxLen = d.Uint16()
		case daemonGroup, daemonGroup6:
			daemon.Group, _ = netip.AddrFromSlice(d.Bytes())
		case daemonPort:
			daemon.Port = d.Uint16()
		case daemonTTL:
			daemon.TTL = d.Uint8()
		}
	}
	return state, daemon, d.Err()
}

// SyncText returns the sync daemons of the spec as arguments of ipvsadm(8), one command on
// each line: "--start-daemon master --mcast-interface eth1 --syncid 1 …". ipvsadm -R does not
// read them.
func SyncText(sync *config.Sync) []string {
	if sync == nil {
		return nil
	}
	var lines []string
	for _, state := range []SyncState{Master, Backup} {
		if sync.Role == config.SyncBoth || sync.Role.String() == state.String() {
			lines = append(lines, fmt.Sprintf("--start-daemon %s --mcast-interface %s --syncid %d --sync-maxlen %d --mcast-group %s --mcast-port %d --mcast-ttl %d",
				state, sync.Device, sync.ID, sync.MaxLen, sync.Group, sync.Port, sync.TTL))
		}
	}
	return lines
}
