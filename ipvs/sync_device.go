package ipvs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// SyncFault returns why a sync daemon that runs neither sends nor receives: its device does not
// exist, or its sockets belong to another one than the device that has the name now. The kernel
// lists such a daemon as before. Empty: no reason is known.
//
// The kernel does not tell the device of a master's sockets, except for a group of IPv6 with the
// scope of the link. If those of the backup on the same device belong to another one, the master
// is taken to be as old.
func (c *Conn) SyncFault(state SyncState, daemon config.SyncDaemon) string {
	index, err := deviceIndex(daemon.Device)
	switch {
	case errors.Is(err, unix.ENODEV):
		return fmt.Sprintf("device %s does not exist", daemon.Device)
	case err != nil:
		return ""
	}
	bound := syncSockets(state, daemon)
	if other := otherDevice(state, bound, index); other != 0 {
		return fmt.Sprintf("its sockets belong to the device with index %d, and %s has index %d now", other, daemon.Device, index)
	}
	if state != Master || slices.Contains(bound, index) {
		return ""
	}
	backup, err := c.SyncDaemon(Backup)
	if err != nil || backup == nil || backup.Device != daemon.Device {
		return ""
	}
	if other := otherDevice(Backup, syncSockets(Backup, *backup), index); other != 0 {
		return fmt.Sprintf("the backup daemon's sockets belong to the device with index %d, and %s has index %d now; the kernel does not tell it of the master's", other, daemon.Device, index)
	}
	return ""
}

// otherDevice returns the device that a daemon's sockets are bound to; 0: it is the one with the
// index, or not known. bound has the devices of all sockets with the daemon's group and port.
// Other programs can have such sockets too, so the daemon's may be any of them.
func otherDevice(state SyncState, bound []uint32, index uint32) uint32 {
	if state == Backup { // always bound to its device
		bound = slices.DeleteFunc(slices.Clone(bound), func(i uint32) bool { return i == 0 })
	}
	if len(bound) == 0 || slices.Contains(bound, 0) || slices.Contains(bound, index) {
		return 0
	}
	return bound[0]
}

// deviceIndex returns the index of a device. The error of a missing one is unix.ENODEV. The
// kernel looks the name up as it does for a daemon, alternative names included.
func deviceIndex(name string) (uint32, error) {
	request, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE) // the systemd units allow no other family
	if err != nil {
		return 0, err
	}
	defer unix.Close(socket)
	err = unix.IoctlIfreq(socket, unix.SIOCGIFINDEX, request)
	return request.Uint32(), err
}

// syncSockets returns the devices that the UDP sockets of the first thread of a daemon are bound
// to; 0: any device. nil: the kernel does not list sockets (CONFIG_INET_UDP_DIAG).
func syncSockets(state SyncState, daemon config.SyncDaemon) []uint32 {
	nl, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, netlink.Options{})
	if err != nil {
		return nil
	}
	defer nl.Close()
	bound, err := boundSockets(nl, state, daemon)
	if err != nil {
		return nil
	}
	return bound
}

// Offsets in struct inet_diag_req_v2, struct inet_diag_msg and their struct inet_diag_sockid
// (linux/inet_diag.h).
const (
	diagRequestLen     = 56
	diagRequestStates  = 4
	diagRequestSockets = 8
	diagAnswerLen      = 72
	diagAnswerSockets  = 4

	diagSourcePort      = 0
	diagDestinationPort = 2
	diagSource          = 4
	diagDestination     = 20
	diagDevice          = 36
)

// boundSockets returns the devices of the UDP sockets with the daemon's group and port. That of a
// master is connected to them, that of a backup is bound to them (make_send_sock and
// make_receive_sock of net/netfilter/ipvs/ip_vs_sync.c).
func boundSockets(nl *netlink.Conn, state SyncState, daemon config.SyncDaemon) (devices []uint32, err error) {
	port, address := diagDestinationPort, diagDestination
	if state == Backup {
		port, address = diagSourcePort, diagSource
	}
	group := daemon.Group.AsSlice()
	request := make([]byte, diagRequestLen)
	request[0], request[1] = unix.AF_INET, unix.IPPROTO_UDP
	if daemon.Group.Is6() {
		request[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(request[diagRequestStates:], ^uint32(0))
	binary.BigEndian.PutUint16(request[diagRequestSockets+port:], daemon.Port)
	for m, err := range nl.Query(netlink.Request{Type: unix.SOCK_DIAG_BY_FAMILY, Flags: unix.NLM_F_DUMP, Header: request}) {
		switch {
		case err != nil:
			return nil, err
		case m.Type != unix.SOCK_DIAG_BY_FAMILY, len(m.Data) < diagAnswerLen:
			return nil, netlink.ErrMalformed
		}
		id := m.Data[diagAnswerSockets:]
		if binary.BigEndian.Uint16(id[port:]) == daemon.Port && slices.Equal(id[address:address+len(group)], group) {
			devices = append(devices, binary.NativeEndian.Uint32(id[diagDevice:]))
		}
	}
	return devices, nil
}
