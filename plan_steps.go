package lvsmark

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// steps are those of apply, in order: what is new is made before the marks turn
// to it, what is old goes after they turned away. A VIP answers only once it is
// served.
func (p *plan) steps(k *kernel) []step {
	generation := p.live.Generation
	ruleset := func(name string, from, to *nft.Ruleset) step {
		difference := nft.Compare(from, to)
		if difference.Empty() {
			return step{}
		}
		return step{
			name: name,
			do: func() (err error) {
				generation, err = k.nft.Commit(difference, generation)
				return err
			},
			undo: func() error { return k.nft.Restore(from) },
		}
	}
	makes, breaks := p.splitServices()
	steps := []step{
		ruleset("write the ledger", &p.live.Ruleset, p.claimed),
		settingsStep("set sysctls and timeouts", p.settings.set),
		eachStep("remove VIP addresses", p.addresses.gone, ipvs.DelAddress, ipvs.AddAddress),
		k.servicesStep("add and edit IPVS services", makes),
		ruleset("change the marks", p.claimed, p.marking),
		eachStep("add VIP addresses", p.addresses.come, ipvs.AddAddress, ipvs.DelAddress),
		k.servicesStep("remove IPVS services", breaks),
		settingsStep("put back sysctls and timeouts", p.settings.putBack),
		ruleset("close the ledger", p.marking, p.final),
	}
	return slices.DeleteFunc(steps, func(s step) bool { return s.do == nil })
}

func (p *plan) splitServices() (makes, breaks []ipvs.Change) {
	for _, c := range p.services {
		if c.Breaks() {
			breaks = append(breaks, c)
		} else {
			makes = append(makes, c)
		}
	}
	return makes, breaks
}

// eachStep does items one by one, and undoes those that were done in reverse.
// The zero step stands for no items.
func eachStep[T any](name string, items []T, do, undo func(T) error) step {
	if len(items) == 0 {
		return step{}
	}
	done := 0
	return step{
		name: name,
		do: func() error {
			for _, item := range items {
				if err := do(item); err != nil {
					return err
				}
				done++
			}
			return nil
		},
		undo: func() error {
			var failed []error
			for _, item := range slices.Backward(items[:done]) {
				failed = append(failed, undo(item))
			}
			return errors.Join(failed...)
		},
	}
}

func (k *kernel) servicesStep(name string, changes []ipvs.Change) step {
	return eachStep(name, changes, func(c ipvs.Change) error { return k.ipvs.Do(c) }, func(c ipvs.Change) error { return k.ipvs.Do(c.Inverse()) })
}

func settingsStep(name string, settings []settingChange) step {
	return eachStep(name, settings,
		func(s settingChange) error { return ipvs.WriteSetting(s.name, s.after) },
		func(s settingChange) error { return ipvs.WriteSetting(s.name, s.before) })
}

// check reads back what the kernel holds after apply.
func (k *kernel) check(p *plan) error {
	k.progress("read back")
	now, err := k.nft.Snapshot()
	if err != nil {
		return err
	}
	differences := len(nft.Compare(&now.Ruleset, p.final).Changes)
	if len(p.services) > 0 {
		services, err := k.ipvs.Services()
		if err != nil {
			return err
		}
		differences += len(ipvs.Diff(ofKeys(services, p.have, p.want), p.want))
	}
	if differences > 0 {
		return fmt.Errorf("applied, but somebody else changed lvsmark's tables or services at the same time (%d differences): `lvsmark diff` shows them", differences)
	}
	return nil
}
