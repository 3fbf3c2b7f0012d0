package lvsmark

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// Sync daemons of IPVS are settings: the value is the daemon's configuration, or "off". So
// the ledger records them, an apply restores them, and delete puts them back.

// ErrForeignSync means that a sync daemon of another program runs.
var ErrForeignSync = errors.New("sync daemon is not lvsmark's")

// syncState returns the kind of the daemon that is the setting.
func syncState(setting string) ipvs.SyncState {
	if setting == config.SyncMasterSetting {
		return ipvs.Master
	}
	return ipvs.Backup
}

func (k *netnsKernel) readSync(name string) (string, error) {
	if err := k.OpenIPVS(); err != nil {
		return "", err
	}
	daemon, err := k.ipvs.SyncDaemon(syncState(name))
	if err != nil || daemon == nil {
		return config.SyncOff, err
	}
	return daemon.String(), nil
}

// writeSync stops a daemon, and starts it again unless it is to be off: the kernel cannot
// change the configuration of one that runs.
func (k *netnsKernel) writeSync(name, value string) error {
	var daemon config.SyncDaemon
	if value != config.SyncOff {
		var err error
		if daemon, err = config.ParseSyncDaemon(value); err != nil {
			return err
		}
	}
	if err := k.OpenIPVS(); err != nil {
		return err
	}
	if err := k.ipvs.StopSync(syncState(name)); err != nil || value == config.SyncOff {
		return err
	}
	return k.ipvs.StartSync(syncState(name), daemon)
}

// splitSettings separates the sync daemons, which diffSettings puts last: a daemon starts when
// the services of the connections exist.
func splitSettings(list []settingChange) (sysctls, daemons []settingChange) {
	i := slices.IndexFunc(list, func(s settingChange) bool { return config.IsSyncSetting(s.name) })
	if i < 0 {
		return list, nil
	}
	return list[:i], list[i:]
}

// sortSyncLast orders changes for splitSettings.
func sortSyncLast(list []settingChange) {
	slices.SortStableFunc(list, func(a, b settingChange) int {
		switch syncA, syncB := config.IsSyncSetting(a.name), config.IsSyncSetting(b.name); {
		case syncA == syncB:
			return 0
		case syncB:
			return -1
		}
		return 1
	})
}

// checkSyncOwner refuses to change a daemon that is not in the ledger, unless the operator
// adopts it. One that equals the spec is taken over.
func checkSyncOwner(have *State, want *Desired, s config.Setting) error {
	now := have.settings[s.Name].value
	_, recorded := have.ledger.Settings[s.Name]
	if !config.IsSyncSetting(s.Name) || recorded || want.adopt || now == config.SyncOff || now == s.Value {
		return nil
	}
	state := syncState(s.Name)
	return fmt.Errorf("%w: the %s daemon runs as %q and differs from the spec; take it over with `apply --adopt`, stop it with `ipvsadm --stop-daemon %[2]s` (or in the program that started it, such as keepalived), or leave sync out of the spec", ErrForeignSync, state, now)
}

// syncPrevious completes the ledger entry of a daemon without a previous value, which was taken
// over unchanged as lvsmark takes over a service: delete stops it.
func syncPrevious(name string, entry nft.Setting) nft.Setting {
	if config.IsSyncSetting(name) && !entry.Changed {
		entry.Previous, entry.Changed = config.SyncOff, true
	}
	return entry
}

// checkSyncDevice blocks the plan if the device of a new daemon does not exist.
func (p *Plan) checkSyncDevice(have *State) {
	if p.spec == nil || p.spec.Director.Sync == nil {
		return
	}
	_, daemons := splitSettings(p.settings.set)
	if err := have.devices[p.spec.Director.Sync.Device]; err != nil && len(daemons) > 0 {
		p.blocked = append(p.blocked, fmt.Errorf("sync device %s: %w", p.spec.Director.Sync.Device, err))
	}
}

// savedSettings returns the settings of a checkpoint.
func (e *engine) savedSettings(ledger nft.Ledger) []string {
	names := maps.Clone(ledger.Settings)
	if e.IPVSLoaded() {
		names[config.SyncMasterSetting], names[config.SyncBackupSetting] = nft.Setting{}, nft.Setting{}
	}
	return slices.Collect(maps.Keys(names))
}

// forgetStopped removes the sync daemons that do not run and are not in the ledger from a
// saved state: a rollback leaves a daemon that another program starts later.
func (s *State) forgetStopped() {
	for _, name := range []string{config.SyncMasterSetting, config.SyncBackupSetting} {
		if _, recorded := s.ledger.Settings[name]; !recorded && s.settings[name].value == config.SyncOff {
			delete(s.settings, name)
		}
	}
}
