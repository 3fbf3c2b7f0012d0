package lvsmark

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A Checkpoint is the state of what lvsmark has in a network namespace: tables,
// services with weights and thresholds, settings and addresses.
type Checkpoint struct {
	opts      Options
	ruleset   *nft.Ruleset
	services  []ipvs.VirtualService // all of fwmarks, for any may be adopted
	settings  map[string]string     // those of the ledger, as they really were
	addresses []hostaddr.Address
}

// A LockToken stands for a lock that another process may have taken for this one. It
// has the generations of the nftables ruleset before and after that.
type LockToken struct {
	Before, After uint32
}

// A LockedCheckpoint is a checkpoint of a network namespace that no other lvsmark
// changes, until Release or until the process ends.
type LockedCheckpoint struct {
	Checkpoint
	LockToken

	lock *nft.Lock
}

// Capture reads a checkpoint.
func Capture(opts Options) (*Checkpoint, error) {
	return inKernel(opts, func(k *kernel) (*Checkpoint, error) {
		live, err := k.nft.Snapshot()
		if err != nil {
			return nil, err
		}
		return k.capture(live)
	})
}

// Lock takes the lock and reads a checkpoint.
func Lock(opts Options) (*LockedCheckpoint, error) {
	return inKernel(opts, func(k *kernel) (held *LockedCheckpoint, err error) {
		for range commitTries {
			if held, err = k.lockCheckpoint(); !errors.Is(err, nft.ErrStale) {
				return held, err
			}
		}
		return nil, err
	})
}

func (k *kernel) lockCheckpoint() (*LockedCheckpoint, error) {
	live, err := k.nft.Snapshot()
	if err != nil {
		return nil, err
	}
	if live.Locked != nil {
		return nil, live.Locked
	}
	checkpoint, err := k.capture(live)
	if err != nil {
		return nil, err
	}
	h := &LockedCheckpoint{Checkpoint: *checkpoint, LockToken: LockToken{Before: live.Generation}}
	if err := k.acquire(live); err != nil {
		return nil, err
	}
	h.lock, k.lock = k.lock, nil // it outlives this connection
	h.After = live.Generation
	return h, nil
}

func (k *kernel) capture(live *nft.Snapshot) (*Checkpoint, error) {
	f := &Checkpoint{opts: k.opts, ruleset: &live.Ruleset, settings: map[string]string{}}
	if ipvs.Loaded() {
		if err := k.openIPVS(); err != nil {
			return nil, err
		}
		var err error
		if f.services, err = k.ipvs.Services(boundKeys(live.Ledger())...); err != nil {
			return nil, err
		}
	}
	for name := range live.Ledger().Settings {
		value, err := readSetting(name)
		if err != nil {
			return nil, err
		}
		f.settings[name] = value
	}
	local, err := hostaddr.Read()
	for _, a := range local {
		if a.Ours {
			f.addresses = append(f.addresses, a.Address)
		}
	}
	return f, err
}

// Restore brings back the checkpoint, as Apply would. It takes the lock.
func (f *Checkpoint) Restore(ctx context.Context) (*Result, error) {
	return commit(ctx, f.opts, f.plan)
}

// Restore brings back the checkpoint, under the lock that h has.
func (h *LockedCheckpoint) Restore(ctx context.Context) (*Result, error) {
	opts := h.opts
	opts.LockToken = &h.LockToken
	return commit(ctx, opts, h.plan)
}

// Release lets others change the namespace.
func (h *LockedCheckpoint) Release() error { return h.lock.Release() }

// plan compares the kernel with the checkpoint.
func (f *Checkpoint) plan(k *kernel) (*plan, error) {
	p, err := k.begin()
	if err != nil {
		return nil, err
	}
	old, checkpoint := p.live.Ledger(), f.ruleset.Ledger()
	p.want = ofLedgers(f.services, old, checkpoint)
	if p.have, err = k.recorded(old, checkpoint); err != nil {
		return nil, err
	}
	p.services = ipvs.Diff(p.have, p.want)
	if p.settings, err = f.compareSettings(old); err != nil {
		return nil, err
	}
	if p.addresses, err = compareAddresses(f.addresses); err != nil {
		return nil, err
	}
	p.phase(f.ruleset, old, checkpoint)
	return p, nil
}

// recorded returns the services that one of the ledgers names.
func (k *kernel) recorded(ledgers ...nft.Ledger) ([]ipvs.VirtualService, error) {
	if !slices.ContainsFunc(ledgers, func(l nft.Ledger) bool { return len(l.Bound) > 0 }) {
		return nil, nil
	}
	if err := k.openIPVS(); err != nil {
		return nil, err
	}
	services, err := k.ipvs.Services(boundKeys(ledgers...)...)
	return ofLedgers(services, ledgers...), err
}

func ofLedgers(services []ipvs.VirtualService, ledgers ...nft.Ledger) []ipvs.VirtualService {
	return slices.DeleteFunc(slices.Clone(services), func(s ipvs.VirtualService) bool {
		return !slices.ContainsFunc(ledgers, func(l nft.Ledger) bool { return bound(l, s) })
	})
}

// compareSettings finds the settings that are not as they were. Those that are
// captured come first, with what needs them; those that only the ledger knows
// were changed since, and nothing needs them any longer.
func (f *Checkpoint) compareSettings(now nft.Ledger) (settingsPlan, error) {
	p := settingsPlan{ledger: f.ruleset.Ledger().Settings}
	for _, name := range slices.Sorted(maps.Keys(f.settings)) {
		is, err := readSetting(name)
		if err != nil {
			return p, err
		}
		if !sysctl.Equal(is, f.settings[name]) {
			p.set = append(p.set, settingChange{name, is, f.settings[name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now.Settings)) {
		entry := now.Settings[name]
		if _, captured := f.settings[name]; captured || !entry.Changed {
			continue
		}
		is, err := readSetting(name)
		if err != nil {
			return p, err
		}
		if !sysctl.Equal(is, entry.Previous) {
			p.putBack = append(p.putBack, settingChange{name, is, entry.Previous})
		}
	}
	return p, nil
}

// LockOwner tells who has the lock of the network namespace; empty: nobody.
func LockOwner(opts Options) (string, error) {
	return inKernel(opts, func(k *kernel) (string, error) {
		owner, _, err := k.nft.LockOwner()
		return owner, err
	})
}
