package lvsmark

import (
	"fmt"
	"iter"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/conntrack"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A kernel is the kernel of one network namespace, as far as the engine uses it. All
// methods except Rehearse are called on one thread.
type kernel interface {
	rulesets
	services
	settings
	addresses
	impact.Connections

	// Warnings describes rules of other programs and settings of the host that affect packets
	// of the spec. If it cannot read them, it returns the error as a warning.
	Warnings(*config.Spec) []string
	Close()
}

// rulesets has methods of package nft.
type rulesets interface {
	Generation() (uint32, error)
	Snapshot() (*nft.Snapshot, error)
	Adopt(...nft.TableName)
	Unmarked() ([]*nft.Table, error)
	Rehearse(*nft.Ruleset) (*nft.Ruleset, error)
	Check(*nft.Ruleset) error
	Commit(d *nft.Difference, generation uint32) (uint32, error)
	CommitLocked(d *nft.Difference, generation uint32) (uint32, error)
	Restore(*nft.Ruleset) (nft.Restored, error)
	Unrestorable(r, to *nft.Ruleset) ([]nft.LostObject, error)
	Acquire(owner string, generation uint32) (release func() error, after uint32, err error)
	LockOwner() (owner string, found bool, err error)
}

// services has methods of package ipvs. Each method except IPVSLoaded opens IPVS if it is
// not open, which loads the module; the error is that of ipvs.Open.
type services interface {
	IPVSLoaded() bool
	OpenIPVS() error
	Services(expected ...ipvs.Key) ([]ipvs.VirtualService, error)
	Statistics(expected ...ipvs.Key) ([]ipvs.CountedService, error)
	ServicesDigest() (string, error)
	ChangeServices(...ipvs.Change) []error
	ServiceChanged(ipvs.Change) (bool, error)
}

// settings reads and writes sysctls, IPVS timeouts and sync daemons. The error of a missing
// sysctl wraps fs.ErrNotExist and names the module that creates it; the error of the others is
// that of ipvs.Open. WriteSetting fails if the kernel has another value afterwards, because each
// apply would write it again. CheckSetting returns an error if WriteSetting would fail for
// any value; it changes nothing. SyncFault is that of package ipvs, for a daemon that runs with
// the value.
type settings interface {
	ReadSetting(name string) (string, error)
	SyncFault(name, value string) string
	CheckSetting(name string) error
	WriteSetting(name, value string) error
}

// addresses has methods of package hostaddr. Device returns an error if the device does
// not exist.
type addresses interface {
	Device(name string) error
	Addresses() ([]hostaddr.Local, error)
	AddAddresses(...hostaddr.Address) []error
	DeleteAddresses(...hostaddr.Address) []error
	SetAddressLifetime(hostaddr.Address, hostaddr.Lifetime) error
	AnnounceAddresses(...hostaddr.Address) []error
}

// A netnsKernel is the kernel in the network namespace of the thread that opened it.
type netnsKernel struct {
	*nft.Conn
	ipvs *ipvs.Conn // nil: not opened
}

var _ kernel = (*netnsKernel)(nil)

func openKernel() (*netnsKernel, error) {
	conn, err := nft.Dial()
	if err != nil {
		return nil, err
	}
	return &netnsKernel{Conn: conn}, nil
}

func (k *netnsKernel) Close() {
	_ = k.Conn.Close()
	if k.ipvs != nil {
		_ = k.ipvs.Close()
	}
}

func (k *netnsKernel) Rehearse(r *nft.Ruleset) (*nft.Ruleset, error) { return nft.Rehearse(r) }

func (k *netnsKernel) Unrestorable(r, to *nft.Ruleset) ([]nft.LostObject, error) {
	return nft.Unrestorable(r, to)
}

func (k *netnsKernel) Acquire(owner string, generation uint32) (func() error, uint32, error) {
	lock, after, err := nft.Acquire(owner, generation)
	if err != nil {
		return nil, after, err
	}
	return lock.Release, after, nil
}

func (k *netnsKernel) IPVSLoaded() bool { return ipvs.Loaded() }

func (k *netnsKernel) OpenIPVS() (err error) {
	if k.ipvs == nil {
		k.ipvs, err = ipvs.Open()
	}
	return err
}

func (k *netnsKernel) Services(expected ...ipvs.Key) ([]ipvs.VirtualService, error) {
	if err := k.OpenIPVS(); err != nil {
		return nil, err
	}
	return k.ipvs.Services(expected...)
}

func (k *netnsKernel) Statistics(expected ...ipvs.Key) ([]ipvs.CountedService, error) {
	if err := k.OpenIPVS(); err != nil {
		return nil, err
	}
	return k.ipvs.Statistics(expected...)
}

func (k *netnsKernel) ServicesDigest() (string, error) {
	if err := k.OpenIPVS(); err != nil {
		return "", err
	}
	return k.ipvs.Digest()
}

func (k *netnsKernel) ChangeServices(changes ...ipvs.Change) []error {
	if err := k.OpenIPVS(); err != nil {
		return []error{err}
	}
	return k.ipvs.Apply(changes...)
}

func (k *netnsKernel) ServiceChanged(c ipvs.Change) (bool, error) {
	if err := k.OpenIPVS(); err != nil {
		return false, err
	}
	return k.ipvs.IsApplied(c)
}

func (k *netnsKernel) UnderWay() iter.Seq2[ipvs.Connection, error] { return ipvs.EachConnection() }

func (k *netnsKernel) Translated(f config.Family) ([]netip.AddrPort, error) {
	return conntrack.Translated(f)
}

func (k *netnsKernel) ReadSetting(name string) (string, error) {
	switch {
	case isTimeout(name):
		return k.readTimeout(name)
	case config.IsSyncSetting(name):
		if err := k.OpenIPVS(); err != nil {
			return "", err
		}
		return k.ipvs.SyncSetting(syncState(name))
	}
	return sysctl.Read(name)
}

func (k *netnsKernel) SyncFault(name, value string) string {
	daemon, err := config.ParseSyncDaemon(value)
	if err != nil || k.OpenIPVS() != nil {
		return ""
	}
	return k.ipvs.SyncFault(syncState(name), daemon)
}

func (k *netnsKernel) CheckSetting(name string) error {
	if isTimeout(name) || config.IsSyncSetting(name) {
		return nil
	}
	return sysctl.CheckWritable(name)
}

func (k *netnsKernel) WriteSetting(name, value string) error {
	switch {
	case isTimeout(name):
		return k.writeTimeout(name, value)
	case config.IsSyncSetting(name):
		if err := k.OpenIPVS(); err != nil {
			return err
		}
		return k.ipvs.SetSync(syncState(name), value)
	}
	return sysctl.Write(name, value)
}

func (k *netnsKernel) Device(name string) error {
	_, err := net.InterfaceByName(name)
	return err
}

func (k *netnsKernel) Addresses() ([]hostaddr.Local, error) { return hostaddr.Read() }

func (k *netnsKernel) AddAddresses(list ...hostaddr.Address) []error { return hostaddr.Add(list...) }

func (k *netnsKernel) DeleteAddresses(list ...hostaddr.Address) []error {
	return hostaddr.Delete(list...)
}

func (k *netnsKernel) SetAddressLifetime(a hostaddr.Address, lifetime hostaddr.Lifetime) error {
	return hostaddr.SetLifetime(a, lifetime)
}

func (k *netnsKernel) AnnounceAddresses(list ...hostaddr.Address) []error {
	return hostaddr.Announce(list...)
}

// readTimeout returns an IPVS timeout in seconds. Its error is that of ipvs.Open.
func (k *netnsKernel) readTimeout(name string) (string, error) {
	if err := k.OpenIPVS(); err != nil {
		return "", err
	}
	timeouts, err := k.ipvs.Timeouts()
	if err != nil {
		return "", err
	}
	return strconv.FormatInt(int64(*timeout(&timeouts, name)/time.Second), 10), nil
}

func (k *netnsKernel) writeTimeout(name, value string) error {
	seconds, err := strconv.ParseUint(value, 10, 31)
	if err != nil || seconds == 0 {
		return fmt.Errorf("set %s: %q is not a positive number of seconds", name, value)
	}
	if err := k.OpenIPVS(); err != nil {
		return err
	}
	var timeouts config.Timeouts
	*timeout(&timeouts, name) = time.Duration(seconds) * time.Second
	return k.ipvs.SetTimeouts(timeouts)
}

// syncState returns the kind of the daemon that is the setting.
func syncState(setting string) ipvs.SyncState {
	if setting == config.SyncMasterSetting {
		return ipvs.Master
	}
	return ipvs.Backup
}

func isTimeout(name string) bool { return timeout(new(config.Timeouts), name) != nil }

// timeout returns a pointer to the named timeout; nil: the name is unknown.
func timeout(timeouts *config.Timeouts, name string) *time.Duration {
	switch name {
	case config.TimeoutTCP:
		return &timeouts.TCP
	case config.TimeoutTCPFin:
		return &timeouts.TCPFin
	case config.TimeoutUDP:
		return &timeouts.UDP
	}
	return nil
}
