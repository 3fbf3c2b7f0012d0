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

// A Former is the memory of what lvsmark had in a network namespace: tables,
// services with weights and thresholds, settings and addresses.
type Former struct {
	opts      Options
	ruleset   *nft.Ruleset
	services  []ipvs.Service    // all of fwmarks, for any may be adopted
	settings  map[string]string // those of the ledger, as they really were
	addresses []hostaddr.Address
}

// A Hold is a lock that was taken on behalf of who applies, maybe by another
// process. It changed the generation of the nftables ruleset.
type Hold struct {
	Before, After uint32
}

// A Held is a network namespace that no other lvsmark changes, and the memory of
// what was there. It holds until Release, or until the process ends.
type Held struct {
	Former
	Hold

	lock *nft.Lock
}

// Remember reads what is there.
func Remember(opts Options) (*Former, error) {
	return inKernel(opts, func(k *kernel) (*Former, error) {
		live, err := k.nft.Snapshot()
		if err != nil {
			return nil, err
		}
		return k.remember(live)
	})
}

// Lock takes the lock and remembers what is there.
func Lock(opts Options) (*Held, error) {
	return inKernel(opts, func(k *kernel) (held *Held, err error) {
		for range commitTries {
			if held, err = k.hold(); !errors.Is(err, nft.ErrStale) {
				return held, err
			}
		}
		return nil, err
	})
}

func (k *kernel) hold() (*Held, error) {
	live, err := k.nft.Snapshot()
	if err != nil {
		return nil, err
	}
	if live.Locked != nil {
		return nil, live.Locked
	}
	former, err := k.remember(live)
	if err != nil {
		return nil, err
	}
	h := &Held{Former: *former, Hold: Hold{Before: live.Generation}}
	if err := k.acquire(live); err != nil {
		return nil, err
	}
	h.lock, k.lock = k.lock, nil // it outlives this connection
	h.After = live.Generation
	return h, nil
}

func (k *kernel) remember(live *nft.Snapshot) (*Former, error) {
	f := &Former{opts: k.opts, ruleset: &live.Ruleset, settings: map[string]string{}}
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

// Restore brings back what is remembered, as Apply would. It takes the lock.
func (f *Former) Restore(ctx context.Context) (*Result, error) {
	return commit(ctx, f.opts, f.plan)
}

// Restore brings back what is remembered, under the lock that h has.
func (h *Held) Restore(ctx context.Context) (*Result, error) {
	opts := h.opts
	opts.Hold = &h.Hold
	return commit(ctx, opts, h.plan)
}

// Release lets others change the namespace.
func (h *Held) Release() error { return h.lock.Release() }

// plan compares the kernel with what is remembered.
func (f *Former) plan(k *kernel) (*plan, error) {
	p, err := k.begin()
	if err != nil {
		return nil, err
	}
	old, former := p.live.Ledger(), f.ruleset.Ledger()
	p.want = ofLedgers(f.services, old, former)
	if p.have, err = k.recorded(old, former); err != nil {
		return nil, err
	}
	p.services = ipvs.Diff(p.have, p.want)
	if p.settings, err = f.compareSettings(old); err != nil {
		return nil, err
	}
	if p.addresses, err = compareAddresses(f.addresses); err != nil {
		return nil, err
	}
	p.phase(f.ruleset, old, former)
	return p, nil
}

// recorded returns the services that one of the ledgers names.
func (k *kernel) recorded(ledgers ...nft.Ledger) ([]ipvs.Service, error) {
	if !slices.ContainsFunc(ledgers, func(l nft.Ledger) bool { return len(l.Bound) > 0 }) {
		return nil, nil
	}
	if err := k.openIPVS(); err != nil {
		return nil, err
	}
	services, err := k.ipvs.Services(boundKeys(ledgers...)...)
	return ofLedgers(services, ledgers...), err
}

func ofLedgers(services []ipvs.Service, ledgers ...nft.Ledger) []ipvs.Service {
	return slices.DeleteFunc(slices.Clone(services), func(s ipvs.Service) bool {
		return !slices.ContainsFunc(ledgers, func(l nft.Ledger) bool { return bound(l, s) })
	})
}

// compareSettings finds the settings that are not as they were. Those that are
// remembered come first, with what needs them; those that only the ledger knows
// were changed since, and nothing needs them any longer.
func (f *Former) compareSettings(now nft.Ledger) (settingsPlan, error) {
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
		if _, remembered := f.settings[name]; remembered || !entry.Changed {
			continue
		}
		is, err := readSetting(name)
		if err != nil {
			return p, err
		}
		if !sysctl.Equal(is, entry.Former) {
			p.putBack = append(p.putBack, settingChange{name, is, entry.Former})
		}
	}
	return p, nil
}

// Holder tells who has the lock of the network namespace; empty: nobody.
func Holder(opts Options) (string, error) {
	return inKernel(opts, func(k *kernel) (string, error) {
		holder, _, err := k.nft.Holder()
		return holder, err
	})
}
