package lvsmark

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"reflect"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/drain"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// diff returns the changes from one state to another. It makes no system call.
func diff(have *State, want *Desired) (*Plan, error) {
	if want.spec != nil {
		if err := checkTables(have.ruleset, want); err != nil {
			return nil, err
		}
	}
	p := &Plan{spec: want.spec, live: have.ruleset, state: have, desired: want}
	next := want.ruleset.Ledger()
	if err := p.diffServices(have, want, next); err != nil {
		return nil, err
	}
	if err := p.diffSettings(have, want); err != nil {
		return nil, err
	}
	if err := p.diffAddresses(have, want); err != nil {
		return nil, err
	}
	if !want.exact {
		next.Settings = p.settings.ledger
		kept, notes := drain.Kept(have.ledger, p.have, p.services)
		next.Drained, p.notes = kept, append(p.notes, notes...)
	}
	p.diffRulesets(have.ledger, next)
	return p, nil
}

// diffRulesets sets the rulesets of the plan; see Plan.
func (p *Plan) diffRulesets(old, next nft.Ledger) {
	desired := p.desired.ruleset
	both := joinedLedgers(old, next)
	p.intent, p.active = &p.live.Ruleset, desired
	if !p.desired.exact { // a saved state has its ledger, in the form in which it was found
		p.active = desired.WithLedger(next, desired)
	}
	p.settled = p.active
	if p.creates() && !reflect.DeepEqual(both, old) {
		p.intent = p.live.WithLedger(both, desired)
	}
	if !reflect.DeepEqual(both, next) {
		p.active = desired.WithLedger(both, &p.live.Ruleset)
	}
}

// joinedLedgers has the entries of both ledgers. An entry of next replaces that of old.
func joinedLedgers(old, next nft.Ledger) nft.Ledger {
	both := nft.Ledger{Bound: maps.Clone(old.Bound), Settings: maps.Clone(old.Settings), Drained: maps.Clone(old.Drained)}
	maps.Copy(both.Bound, next.Bound)
	maps.Copy(both.Settings, next.Settings)
	maps.Copy(both.Drained, next.Drained)
	return both
}

// creates reports whether the plan creates services or sets settings. The ledger must
// name them first.
func (p *Plan) creates() bool {
	return len(p.settings.set) > 0 || slices.ContainsFunc(p.services, func(c ipvs.Change) bool { return !c.Disrupts() })
}

// ErrForeignService means that an IPVS service with a mark of the spec belongs to another
// program.
var ErrForeignService = errors.New("IPVS service is not lvsmark's")

// diffServices compares the services that lvsmark may change: those in the ledger, and
// those with a desired mark. A service that is not in the ledger is taken over if it has
// the desired configuration, or if the operator adopts it.
func (p *Plan) diffServices(have *State, want *Desired, next nft.Ledger) error {
	p.want = want.services
	if want.exact { // captured services that are in no ledger belong to other programs
		p.want = ofLedgers(want.services, have.ledger, next)
	}
	if have.noIPVS != nil {
		if len(p.want) == 0 && !want.exact {
			return nil // without IPVS there is nothing to remove
		}
		return have.noIPVS
	}
	desired := make(map[ipvs.Key]ipvs.VirtualService, len(p.want))
	for _, s := range p.want {
		desired[s.Key] = s
	}
	var foreign []error
	for _, s := range have.services {
		target, claimed := desired[s.Key]
		claimed = claimed || bound(next, s)
		switch {
		case bound(have.ledger, s), claimed && want.adopt, claimed && len(ipvs.Diff([]ipvs.VirtualService{s}, []ipvs.VirtualService{target})) == 0:
			p.have = append(p.have, s)
		case claimed:
			foreign = append(foreign, fmt.Errorf("%w: %s exists and differs from the spec; take it over in place with `apply --adopt`, remove it with ipvsadm, or give the cluster another mark", ErrForeignService, s.Key))
		}
	}
	p.services = ipvs.Diff(p.have, p.want)
	return errors.Join(foreign...)
}

// boundKeys returns the keys of the services in the ledger.
func boundKeys(l nft.Ledger) []ipvs.Key {
	var keys []ipvs.Key
	for b := range l.Bound {
		keys = append(keys, ipvs.Key{Family: b.Family, Mark: b.Mark})
	}
	return keys
}

// bound reports whether the service is in the ledger.
func bound(l nft.Ledger, s ipvs.VirtualService) bool {
	_, ok := l.Bound[nft.BoundMark{Family: s.Family, Mark: s.Mark}]
	return ok
}

// ofLedgers returns the services that are in one of the ledgers.
func ofLedgers(services []ipvs.VirtualService, ledgers ...nft.Ledger) []ipvs.VirtualService {
	return slices.DeleteFunc(slices.Clone(services), func(s ipvs.VirtualService) bool {
		return !slices.ContainsFunc(ledgers, func(l nft.Ledger) bool { return bound(l, s) })
	})
}

func keysOf(services []ipvs.VirtualService) []ipvs.Key {
	keys := make([]ipvs.Key, 0, len(services))
	for _, s := range services {
		keys = append(keys, s.Key)
	}
	return keys
}

// ofKeys returns the services whose keys are in one of the lists.
func ofKeys(services []ipvs.VirtualService, lists ...[]ipvs.VirtualService) []ipvs.VirtualService {
	wanted := map[ipvs.Key]bool{}
	for _, key := range keysOf(slices.Concat(lists...)) {
		wanted[key] = true
	}
	return slices.DeleteFunc(slices.Clone(services), func(s ipvs.VirtualService) bool { return !wanted[s.Key] })
}

// A settingsPlan is the changes of sysctls, IPVS timeouts and sync daemons.
type settingsPlan struct {
	set, putBack []settingChange        // set: see splitSettings
	ledger       map[string]nft.Setting // after the changes; not used if the desired state is exact
}

// diffSettings sets desired settings. Settings that are no longer desired get the value
// that they had before lvsmark changed them.
func (p *Plan) diffSettings(have *State, want *Desired) error {
	p.settings.ledger = map[string]nft.Setting{}
	for _, s := range want.settings {
		now := have.settings[s.Name]
		if err := have.gone(s); want.exact && err != nil {
			p.lose(s.Name, err)
			p.settings.ledger[s.Name] = nft.Setting{}
			continue
		}
		if now.err != nil {
			return now.err
		}
		// A rollback restores configurations: without the device it could not start the daemon.
		if !sysctl.Equal(now.value, s.Value) || now.fault != "" && !want.exact {
			p.settings.set = append(p.settings.set, settingChange{s.Name, now.value, s.Value, now.fault})
		}
		entry, err := recorded(have.ledger.Settings[s.Name], s, now.value)
		if err == nil {
			err = checkSyncOwner(have, want, s)
		}
		if err != nil && !want.exact {
			return err
		}
		p.settings.ledger[s.Name] = entry
	}
	for _, name := range slices.Sorted(maps.Keys(have.ledger.Settings)) {
		entry := syncPrevious(name, have.ledger.Settings[name])
		if _, desired := p.settings.ledger[name]; desired {
			continue
		}
		if !entry.Changed {
			p.noteUnrecorded(name, have.settings[name], want.exact)
			continue
		}
		if err := p.putBack(name, entry, have.settings[name], want.exact); err != nil {
			return err
		}
	}
	sortSyncLast(p.settings.set)
	if !want.exact {
		p.checkSettable(have)
		p.checkSyncDevice(have)
	}
	return nil
}

// noteUnrecorded adds a note about a setting without a previous value in the ledger, which
// keeps its value. A reload of the ruleset by nft loses previous values. In an exact state
// there is no note: the setting had the same value before.
func (p *Plan) noteUnrecorded(name string, now observed, exact bool) {
	if exact || isMissing(name, now.err) {
		return
	}
	value := "is left at " + now.value
	if now.err != nil {
		value = fmt.Sprintf("is left as it is (%v)", now.err)
	}
	p.notes = append(p.notes, printable.Line(fmt.Sprintf("%s %s: the ledger has no previous value. Either it had this value before the first apply, or the ruleset was flushed or reloaded since; %s sets another value", name, value, settingCommand(name))))
}

// settingCommand returns a command that sets a sysctl, an IPVS timeout or a sync daemon.
func settingCommand(name string) string {
	switch {
	case isTimeout(name):
		return "`ipvsadm --set TCP TCPFIN UDP` (seconds; 0 keeps a timeout)"
	case config.IsSyncSetting(name):
		return fmt.Sprintf("`ipvsadm --stop-daemon %s` stops it, and --start-daemon", syncState(name))
	}
	return "`sysctl -w " + name + "=VALUE`"
}

// isMissing reports whether a setting does not exist at present, by the error of reading it. ENOENT
// from netlink, which is fs.ErrNotExist too, says nothing about a timeout or a sync daemon.
func isMissing(name string, err error) bool {
	isSysctl := !isTimeout(name) && !config.IsSyncSetting(name)
	return isSysctl && errors.Is(err, fs.ErrNotExist) || errors.Is(err, ipvs.ErrNoIPVS)
}

// checkSettable blocks the plan if a setting cannot be set, for example because /proc/sys
// is read-only.
func (p *Plan) checkSettable(have *State) {
	for _, s := range p.settings.set {
		if fixed := have.settings[s.name].fixed; fixed != nil {
			p.blocked = append(p.blocked, fmt.Errorf("%w: %s, or leave it out of the spec%s", fixed, setOutside(s), p.keyOf(s.name)))
		}
	}
	for _, s := range p.settings.putBack {
		if fixed := have.settings[s.name].fixed; fixed != nil {
			p.blocked = append(p.blocked, fmt.Errorf("%w: it was changed by an apply, and would be put back; %s", fixed, setOutside(s)))
		}
	}
}

func setOutside(s settingChange) string {
	return fmt.Sprintf("in a container, set it on the host, in this network namespace (`sysctl -w \"%s=%s\"`)", s.name, s.after)
}

// keyOf returns the key of the spec that implies a setting, in brackets; empty: the spec
// names the setting itself.
func (p *Plan) keyOf(setting string) string {
	named := func(s config.Sysctl) bool { return s.Name == setting }
	if p.spec == nil || slices.ContainsFunc(p.spec.Director.Sysctls, named) {
		return ""
	}
	return " (director.ip-forward: false)"
}

// recorded returns the ledger entry of a desired setting. It keeps the value before the
// first change by lvsmark.
func recorded(entry nft.Setting, s config.Setting, now string) (nft.Setting, error) {
	entry.Value = s.Value
	if sysctl.Equal(now, s.Value) {
		return entry, nil
	}
	if !entry.Changed {
		entry.Previous, entry.Changed = now, true
	}
	if len(entry.Previous) > nft.PreviousLimit {
		return entry, fmt.Errorf("%s: delete could not restore its current value, which has %d bytes: the ledger holds at most %d; set it by other means", s.Name, len(now), nft.PreviousLimit)
	}
	return entry, nil
}

// putBack gives a setting its previous value, unless another process has set it after
// lvsmark did. In an exact state, the previous value is always put back. A sync daemon in the
// ledger is lvsmark's, as a service is: its previous value is always put back.
func (p *Plan) putBack(name string, entry nft.Setting, now observed, exact bool) error {
	switch {
	case isMissing(name, now.err) && !exact && config.IsSyncSetting(name): // without IPVS, none runs
	case isMissing(name, now.err) && !exact:
		p.notes = append(p.notes, printable.Line(fmt.Sprintf("%s cannot be put back to %s: %v", name, entry.Previous, now.err)))
	case errors.Is(now.err, sysctl.ErrNoDevice):
		p.lose(name, now.err)
	case now.err != nil:
		return now.err
	case sysctl.Equal(now.value, entry.Previous):
	case exact, sysctl.Equal(now.value, entry.Value), config.IsSyncSetting(name):
		p.settings.putBack = append(p.settings.putBack, settingChange{name, now.value, entry.Previous, now.fault})
	default:
		p.notes = append(p.notes, printable.Line(fmt.Sprintf("%s is left at %s: another process set it after lvsmark set %s", name, now.value, entry.Value)))
	}
	return nil
}

// checkSyncDevice blocks the plan if the device of a new daemon does not exist.
func (p *Plan) checkSyncDevice(have *State) {
	if p.spec == nil || p.spec.Director.Sync == nil {
		return
	}
	_, daemons := splitSettings(p.settings.set)
	if err := have.devices[p.spec.Director.Sync.Device]; err != nil && len(daemons) > 0 {
		p.blocked = append(p.blocked, fmt.Errorf("sync device %s: %w; `ip link` lists the devices", p.spec.Director.Sync.Device, err))
	}
}
