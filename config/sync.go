package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A SyncRole says which sync daemons of IPVS run on the director.
type SyncRole uint8

// The roles: a master sends connections, a backup receives them; see ipvsadm(8),
// --start-daemon.
const (
	SyncMaster SyncRole = iota
	SyncBackup
	SyncBoth
)

// String returns the value in the spec: master, backup or both.
func (r SyncRole) String() string { return [...]string{"master", "backup", "both"}[r] }

// A Sync is the synchronization of connections with other directors.
type Sync struct {
	Role SyncRole
	SyncDaemon
}

// A SyncDaemon is the configuration of one sync daemon.
type SyncDaemon struct {
	Device string
	ID     uint32     // 0 to 255; a backup with 0 receives from each master
	MaxLen uint16     // maximum length of a message in bytes, without the headers of IP and UDP
	Group  netip.Addr // multicast
	Port   uint16     // UDP
	TTL    uint8      // or hop limit
}

// Defaults of the kernel (ip_vs_sync.c of net/netfilter/ipvs). That of the message length is
// for a device with an MTU of 1500.
const (
	DefaultSyncPort = 8848
	DefaultSyncTTL  = 1

	syncMTU          = 1500
	minBackupMessage = 1024
	maxPacket        = 65535

	linkLocalScope = 2 // of IPv6 groups: the least one of which other hosts receive packets
)

// DefaultSyncGroup returns 224.0.0.81, IP_VS_SYNC_GROUP of the kernel.
func DefaultSyncGroup() netip.Addr { return netip.AddrFrom4([4]byte{224, 0, 0, 81}) }

// DefaultSyncMaxLen returns the maximum length of a message to a group, in bytes.
func DefaultSyncMaxLen(group netip.Addr) uint16 { return uint16(syncMTU - syncHeaders(group)) }

// syncHeaders returns the size of the headers of IP and UDP.
func syncHeaders(group netip.Addr) int {
	if group.Is6() {
		return 40 + 8
	}
	return 20 + 8
}

// String returns the daemon as one line, which ParseSyncDaemon reads: "eth1 id 1 maxlen 1472
// group 224.0.0.81 port 8848 ttl 1". It has at most 100 bytes, so that the ledger can keep it.
func (d SyncDaemon) String() string {
	return fmt.Sprintf("%s id %d maxlen %d group %s port %d ttl %d", d.Device, d.ID, d.MaxLen, d.Group, d.Port, d.TTL)
}

// ParseSyncDaemon reads what String returns.
func ParseSyncDaemon(text string) (d SyncDaemon, err error) {
	var group string
	_, err = fmt.Sscanf(text, "%s id %d maxlen %d group %s port %d ttl %d", &d.Device, &d.ID, &d.MaxLen, &group, &d.Port, &d.TTL)
	if err == nil {
		d.Group, err = netip.ParseAddr(group)
	}
	if err != nil {
		return SyncDaemon{}, fmt.Errorf("%q is not a sync daemon: %w", text, err)
	}
	return d, nil
}

// Names of the settings that are sync daemons, and the value of one that does not run.
const (
	SyncMasterSetting = "ipvs.sync.master"
	SyncBackupSetting = "ipvs.sync.backup"
	SyncOff           = "off"
)

// BackupOnlySysctl turns IPVS off on a director with a backup daemon (sysctl_backup_only of
// include/net/ip_vs.h, which does not ask for a master daemon).
const BackupOnlySysctl = "net.ipv4.vs.backup_only"

// SyncPortsSysctl is the number of UDP ports, and of threads, of each sync daemon
// (Documentation/networking/ipvs-sysctl.rst). A daemon reads it when it starts.
const SyncPortsSysctl = "net.ipv4.vs.sync_ports"

// IsBackupOnly reports whether BackupOnlySysctl turns IPVS off: lvsmark starts a backup daemon.
func (d *Director) IsBackupOnly() bool {
	return d.Bind && d.Sync != nil && d.Sync.Role != SyncMaster &&
		slices.ContainsFunc(d.Sysctls, func(s Sysctl) bool { return s.Name == BackupOnlySysctl && s.Value != "0" })
}

// IsSyncSetting reports whether the setting is a sync daemon.
func IsSyncSetting(name string) bool { return strings.HasPrefix(name, "ipvs.sync.") }

// syncSettings returns the sync daemons of the director.
func (d *Director) syncSettings() (settings []Setting) {
	if d.Sync == nil {
		return nil
	}
	value := d.Sync.SyncDaemon.String()
	if d.Sync.Role != SyncMaster {
		settings = append(settings, Setting{SyncBackupSetting, value})
	}
	if d.Sync.Role != SyncBackup {
		settings = append(settings, Setting{SyncMasterSetting, value})
	}
	return settings
}

type fileSync struct {
	role   field[SyncRole]
	device field[string]
	id     field[uint64]
	maxlen field[uint64]
	group  field[netip.Addr]
	port   field[uint16]
	ttl    field[uint64]
}

var syncKeys = []key[fileSync]{
	{"role", set(func(s *fileSync) *field[SyncRole] { return &s.role }, (*decoder).syncRole)},
	{"device", set(func(s *fileSync) *field[string] { return &s.device }, (*decoder).device)},
	{"id", set(func(s *fileSync) *field[uint64] { return &s.id }, number(0, 255, "0 to 255"))},
	{"maxlen", set(func(s *fileSync) *field[uint64] { return &s.maxlen }, number(1, maxPacket, "1 to 65507 bytes"))},
	{"group", set(func(s *fileSync) *field[netip.Addr] { return &s.group }, (*decoder).multicastGroup)},
	{"port", set(func(s *fileSync) *field[uint16] { return &s.port }, (*decoder).port)},
	{"ttl", set(func(s *fileSync) *field[uint64] { return &s.ttl }, number(1, 255, "1 to 255"))},
}

func (d *decoder) sync(n *yaml.Node, what string) (fileSync, bool) {
	var s fileSync
	ok := mapping(d, n, what, syncKeys, &s)
	if ok {
		d.require(n, s.role.present, what, "role", "role: both")
		d.require(n, s.device.present, what, "device", "device: eth1")
		d.require(n, s.id.present, what, "id", "id: 1")
	}
	return s, ok
}

func (d *decoder) syncRole(n *yaml.Node, what string) (SyncRole, bool) {
	index, ok := d.choice(n, what, []string{SyncMaster.String(), SyncBackup.String(), SyncBoth.String()})
	return SyncRole(index), ok
}

func (d *decoder) multicastGroup(n *yaml.Node, what string) (netip.Addr, bool) {
	text, ok := d.text(n, what)
	if !ok {
		return netip.Addr{}, false
	}
	group, err := netip.ParseAddr(text)
	if err != nil || !group.IsMulticast() || group.Zone() != "" || group.Is4In6() {
		d.fail(n, "%s %s is not a multicast address; give one like 224.0.0.81 or ff02::81, without a zone", what, clipText(text))
		return netip.Addr{}, false
	}
	if scope := group.As16()[1] & 0xf; group.Is6() && scope < linkLocalScope {
		d.fail(n, "%s %s does not leave the director: its scope is %d (RFC 4291, 2.7); give one like ff02::81 for the link of the device", what, group, scope)
		return netip.Addr{}, false
	}
	return group, true
}

// sync returns the daemon with the defaults of the kernel.
func (s *fileSync) sync() *Sync {
	daemon := SyncDaemon{
		Device: s.device.value,
		ID:     uint32(s.id.value),
		Group:  s.group.or(DefaultSyncGroup()),
		Port:   s.port.or(DefaultSyncPort),
		TTL:    uint8(s.ttl.or(DefaultSyncTTL)),
	}
	daemon.MaxLen = uint16(s.maxlen.or(uint64(DefaultSyncMaxLen(daemon.Group))))
	return &Sync{Role: s.role.value, SyncDaemon: daemon}
}
