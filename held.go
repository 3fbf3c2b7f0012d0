package lvsmark

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A Held is a network namespace that no other lvsmark changes, and the memory of
// what lvsmark had there: tables, services with weights and thresholds, settings
// and addresses. It holds until Release, or until the process ends.
type Held struct {
	lock *nft.Lock
	opts Options

	ruleset   *nft.Ruleset
	services  []ipvs.Service    // all of fwmarks, for any may be adopted
	settings  map[string]string // those of the ledger, as they really were
	addresses []ipvs.Address
}

// Hold takes the lock and remembers what is there.
func Hold(opts Options) (*Held, error) {
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
	p, err := k.begin()
	if err != nil {
		return nil, err
	}
	if p.live.Locked != nil {
		return nil, p.live.Locked
	}
	h := &Held{opts: k.opts, ruleset: &p.live.Ruleset, settings: map[string]string{}}
	if err := h.remember(k); err != nil {
		return nil, err
	}
	if err := k.acquire(p.live); err != nil {
		return nil, err
	}
	h.lock, k.lock = k.lock, nil // it outlives this connection
	return h, nil
}

func (h *Held) remember(k *kernel) error {
	if ipvs.Loaded() {
		if err := k.openIPVS(); err != nil {
			return err
		}
		var err error
		if h.services, err = k.ipvs.Services(); err != nil {
			return err
		}
	}
	for name := range h.ruleset.Ledger().Settings {
		value, err := ipvs.ReadSetting(name)
		if err != nil {
			return err
		}
		h.settings[name] = value
	}
	local, err := ipvs.ReadAddresses()
	for _, a := range local {
		if a.Ours {
			h.addresses = append(h.addresses, a.Address)
		}
	}
	return err
}

// Restore brings back what is remembered.
func (h *Held) Restore(ctx context.Context) (*Result, error) {
	opts := h.opts
	opts.Held = h
	return commit(ctx, opts, h.plan)
}

// Release lets others change the namespace.
func (h *Held) Release() error { return h.lock.Release() }

// plan compares the kernel with what is remembered.
func (h *Held) plan(k *kernel) (*plan, error) {
	p, err := k.begin()
	if err != nil {
		return nil, err
	}
	old, former := p.live.Ledger(), h.ruleset.Ledger()
	p.want = ofLedgers(h.services, old, former)
	if p.have, err = k.recorded(old, former); err != nil {
		return nil, err
	}
	p.services = ipvs.Diff(p.have, p.want)
	if p.settings, err = h.compareSettings(old); err != nil {
		return nil, err
	}
	if p.addresses, err = compareAddresses(h.addresses); err != nil {
		return nil, err
	}
	p.phase(h.ruleset, old, former)
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
	services, err := k.ipvs.Services()
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
func (h *Held) compareSettings(now nft.Ledger) (settingsPlan, error) {
	p := settingsPlan{ledger: h.ruleset.Ledger().Settings}
	for _, name := range slices.Sorted(maps.Keys(h.settings)) {
		is, err := ipvs.ReadSetting(name)
		if err != nil {
			return p, err
		}
		if !ipvs.EqualValues(is, h.settings[name]) {
			p.set = append(p.set, settingChange{name, is, h.settings[name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now.Settings)) {
		entry := now.Settings[name]
		if _, remembered := h.settings[name]; remembered || !entry.Changed {
			continue
		}
		is, err := ipvs.ReadSetting(name)
		if err != nil {
			return p, err
		}
		if !ipvs.EqualValues(is, entry.Former) {
			p.putBack = append(p.putBack, settingChange{name, is, entry.Former})
		}
	}
	return p, nil
}
