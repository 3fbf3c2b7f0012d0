package config

import (
	"math"
	"strconv"
)

// sync checks the limits of the kernel (start_sync_thread of net/netfilter/ipvs/ip_vs_sync.c),
// which changes a length outside its limits without an error.
func (c *checker) sync() {
	given := c.file.director.sync
	if !given.valid {
		return
	}
	s := &given.value
	group := s.group.or(DefaultSyncGroup())
	limit := uint64(maxPacket - syncHeaders(group))
	switch maxlen := s.maxlen; {
	case !maxlen.valid:
	case maxlen.value > limit:
		c.mistake(maxlen.position, "maxlen must be %d bytes at most, not %d: with its headers, a message is one packet to %s", limit, maxlen.value, group)
	case maxlen.value < minBackupMessage && s.role.valid && s.role.value != SyncMaster:
		c.mistake(maxlen.position, "maxlen must be %d bytes or more on a backup, not %d; leave it out for the default", minBackupMessage, maxlen.value)
	}
	c.syncPorts(s)
	c.loopbackDevice(s.device)
	c.syncOwner(given)
	c.backupOnly(s)
}

// syncPorts checks the last port of the daemons: the kernel adds up without a limit.
func (c *checker) syncPorts(s *fileSync) {
	for _, sysctl := range c.file.director.sysctls.value {
		count, err := strconv.Atoi(sysctl.value.Value)
		first := int(s.port.or(DefaultSyncPort))
		if last := first + count - 1; sysctl.value.Name == SyncPortsSysctl && err == nil && !s.port.unreadable() && last > math.MaxUint16 {
			c.mistake(sysctl.position, "sysctl %s: %d with sync port %d ends at port %d, above 65535; give a lower port, or fewer", SyncPortsSysctl, count, first, last)
		}
	}
}

// loopbackDevice reports the loopback device for what the directors of a pair send to each other.
func (c *checker) loopbackDevice(device field[string]) {
	if device.valid && device.value == "lo" {
		c.note(device.position, "device lo is the loopback device, by which no other director is reached; give the device of the network between the directors")
	}
}

// syncOwner checks that either lvsmark or keepalived starts the daemons.
func (c *checker) syncOwner(given field[fileSync]) {
	s, director := &given.value, &c.file.director
	switch {
	case director.bind.or(true) || director.bind.unreadable():
	case !director.vrrp.present:
		c.mistake(given.position, "with bind: false (line %d) keepalived starts the sync daemons, by the state of a VRRP instance; add vrrp for `lvsmark render keepalived`, or remove sync", director.bind.line)
	case s.role.valid && s.role.value != SyncBoth:
		c.mistake(s.role.position, "with bind: false (line %d) keepalived starts the master or the backup, by the state of VRRP; set role: both", director.bind.line)
	}
}

// backupOnly reports that IPVS is off on this director. One that is only a backup can be meant
// so, but then it cannot take over.
func (c *checker) backupOnly(s *fileSync) {
	if !s.role.valid || s.role.value == SyncMaster || !c.spec.Director.Bind {
		return
	}
	for _, sysctl := range c.file.director.sysctls.value {
		switch {
		case sysctl.value.Name != BackupOnlySysctl || sysctl.value.Value == "0":
		case s.role.value == SyncBoth:
			c.mistake(sysctl.position, "sysctl %s: %s with sync role: both (line %d) turns IPVS off on this director: the kernel handles no packet while a backup daemon runs; remove it, or let keepalived own IPVS (bind: false)", BackupOnlySysctl, clip(sysctl.value.Value), s.role.line)
		default:
			c.note(sysctl.position, "sysctl %s: %s with sync role: backup (line %d) turns IPVS off on this director, also when it gets the VIPs, until the role is master; without the sysctl it serves them at once", BackupOnlySysctl, clip(sysctl.value.Value), s.role.line)
		}
	}
}
