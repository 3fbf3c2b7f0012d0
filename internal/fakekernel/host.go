package fakekernel

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
)

// ReadSetting is like sysctl.Read; IPVS timeouts and sync daemons are settings too. A sync
// daemon that was not set is off.
func (k *Kernel) ReadSetting(name string) (string, error) {
	value, found := k.settings[name]
	switch {
	case k.NoIPVS && strings.HasPrefix(name, "ipvs."):
		return "", ipvs.ErrNoIPVS
	case !found && config.IsSyncSetting(name):
		return config.SyncOff, nil
	case !found:
		return "", fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return value, nil
}

// WriteSetting is like sysctl.Write.
func (k *Kernel) WriteSetting(name, value string) error {
	return k.change(fmt.Sprintf("set %s = %s", name, value), func() error {
		if _, err := k.ReadSetting(name); err != nil {
			return err
		}
		k.settings[name] = value
		delete(k.faults, name)
		if value == config.SyncOff {
			delete(k.settings, name)
		}
		return nil
	})
}

// RemoveSetting removes a sysctl, as the kernel does when a module is unloaded.
func (k *Kernel) RemoveSetting(name string) { delete(k.settings, name) }

// CheckSetting is like sysctl.CheckWritable.
func (k *Kernel) CheckSetting(name string) error {
	if k.ReadOnly && !strings.HasPrefix(name, "ipvs.") {
		return fmt.Errorf("set sysctl %s: %w", name, unix.EROFS)
	}
	return nil
}

// SyncFault is like ipvs.Conn.SyncFault.
func (k *Kernel) SyncFault(name, _ string) string { return k.faults[name] }

// RemoveDevice deletes a device and its addresses, as another process does. Its sync daemons run
// on, and neither send nor receive.
func (k *Kernel) RemoveDevice(device string) {
	k.devices = slices.DeleteFunc(slices.Clone(k.devices), func(d string) bool { return d == device })
	k.addresses = slices.DeleteFunc(k.addresses, func(a hostaddr.Local) bool { return a.Device == device })
	k.faultDaemons(device, "device "+device+" does not exist")
}

// CreateDevice creates a device, to which the sync daemons of a former one of the name do not
// belong.
func (k *Kernel) CreateDevice(device string) {
	k.devices = append(k.devices, device)
	k.faultDaemons(device, "its sockets belong to another device")
}

func (k *Kernel) faultDaemons(device, fault string) {
	for _, name := range []string{config.SyncMasterSetting, config.SyncBackupSetting} {
		if daemon, err := config.ParseSyncDaemon(k.settings[name]); err == nil && daemon.Device == device {
			k.faults[name] = fault
		}
	}
}

// Device returns an error if there is no device of that name.
func (k *Kernel) Device(name string) error {
	if !slices.Contains(k.devices, name) {
		return fmt.Errorf("device %s: %w", name, unix.ENODEV)
	}
	return nil
}

// Addresses is like hostaddr.Read.
func (k *Kernel) Addresses() ([]hostaddr.Local, error) { return slices.Clone(k.addresses), nil }

// AddForeignAddress adds an address of another program.
func (k *Kernel) AddForeignAddress(a hostaddr.Address, prefix int) {
	k.addresses = append(k.addresses, hostaddr.Local{Address: a, Prefix: prefix})
}

// AddAddresses is like hostaddr.Add.
func (k *Kernel) AddAddresses(list ...hostaddr.Address) []error {
	return k.eachAddress("add ", list, func(a hostaddr.Address, i int) error {
		if i >= 0 {
			return fmt.Errorf("add %s: %w: %w", a, hostaddr.ErrStale, unix.EEXIST)
		}
		if err := k.Device(a.Device); err != nil {
			return err
		}
		k.addresses = append(k.addresses, hostaddr.Local{Address: a, Prefix: a.Prefix().Bits(), Ours: true})
		return nil
	})
}

// DeleteAddresses is like hostaddr.Delete.
func (k *Kernel) DeleteAddresses(list ...hostaddr.Address) []error {
	return k.eachAddress("delete ", list, func(a hostaddr.Address, i int) error {
		if i < 0 {
			return fmt.Errorf("delete %s: %w: %w", a, hostaddr.ErrStale, unix.EADDRNOTAVAIL)
		}
		k.addresses = slices.Delete(k.addresses, i, i+1)
		return nil
	})
}

// SetAddressLifetime is like hostaddr.SetLifetime.
func (k *Kernel) SetAddressLifetime(a hostaddr.Address, lifetime hostaddr.Lifetime) error {
	return k.change(fmt.Sprintf("lifetime of %s = %s", a, lifetime), func() error {
		for i := range k.addresses {
			if k.addresses[i].Address == a && k.addresses[i].Ours {
				k.addresses[i].Lifetime = lifetime
				return nil
			}
		}
		return fmt.Errorf("lifetime of %s: %w", a, unix.EADDRNOTAVAIL)
	})
}

// AnnounceAddresses is like hostaddr.Announce. It records the addresses of each call.
func (k *Kernel) AnnounceAddresses(list ...hostaddr.Address) []error {
	k.Announced = append(k.Announced, list)
	return k.Unannounced
}

// SetAddress replaces an address, or adds it, as another process does.
func (k *Kernel) SetAddress(a hostaddr.Local) {
	k.addresses = slices.DeleteFunc(k.addresses, func(l hostaddr.Local) bool { return l.Address == a.Address && l.Ours == a.Ours })
	k.addresses = append(k.addresses, a)
}

// eachAddress calls f for each address with its index in k.addresses, or -1.
func (k *Kernel) eachAddress(call string, list []hostaddr.Address, f func(hostaddr.Address, int) error) []error {
	var answers []error
	for _, a := range list {
		err := k.change(call+a.String(), func() error {
			i := slices.IndexFunc(k.addresses, func(l hostaddr.Local) bool { return l.Address == a && l.Ours })
			return f(a, i)
		})
		answers = append(answers, err)
		if err != nil {
			break
		}
	}
	return answers
}
