package lvsmark

import (
	"context"
	"errors"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// observe reads a State. The ruleset is read before, because the scope depends on its
// ledger.
func (e *engine) observe(ctx context.Context, ruleset *nft.Snapshot, scopeOf func(nft.Ledger) scope) (*State, error) {
	state := &State{ruleset: ruleset, ledger: ruleset.Ledger(), settings: map[string]observed{}, devices: map[string]error{}, noIPv6: map[string]bool{}}
	s := scopeOf(state.ledger)
	s.digest = e.opts.Saves
	for _, read := range []func(*State, scope) error{e.observeServices, e.observeSettings, e.observeAddresses} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := read(state, s); err != nil {
			return nil, err
		}
	}
	return state, nil
}

// observeServices must be called first, because the IPVS module creates sysctls.
func (e *engine) observeServices(state *State, s scope) (err error) {
	if !s.services {
		return nil
	}
	if err := e.OpenIPVS(); errors.Is(err, ipvs.ErrNoIPVS) {
		state.noIPVS = err
		return nil
	} else if err != nil {
		return err
	}
	state.services, err = e.Services(s.expected...)
	if err == nil && s.digest {
		state.digest, err = e.ServicesDigest()
	}
	return err
}

func (e *engine) observeSettings(state *State, s scope) error {
	for _, name := range s.settings {
		value, err := e.ReadSetting(name)
		state.settings[name] = observed{value: value, err: err}
		if err == nil {
			state.settings[name] = observed{value: value, fixed: e.CheckSetting(name)}
		}
	}
	return nil
}

func (e *engine) observeAddresses(state *State, s scope) (err error) {
	for _, device := range s.devices {
		state.devices[device] = e.Device(device)
		disabled, err := e.ReadSetting(disableIPv6(device))
		state.noIPv6[device] = err == nil && disabled != "0"
	}
	state.addresses, err = e.Addresses()
	return err
}

// readAgain reads the ruleset again if another process has changed it while the spec and
// other tables were read.
func (e *engine) readAgain(ruleset *nft.Snapshot) (*nft.Snapshot, error) {
	generation, err := e.Generation()
	if err != nil || generation == ruleset.Generation {
		return ruleset, err
	}
	return e.Snapshot()
}
