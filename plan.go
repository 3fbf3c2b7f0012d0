package lvsmark

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// A plan is the difference between the kernel and what it is to be, part by
// part.
//
// nftables goes through up to four forms, each a whole ruleset: live, as found;
// claimed, where the ledger says already what is about to be made; marking,
// where the rules are those of the spec; final, where the ledger no longer says
// what was taken back. So whenever lvsmark is killed, the ledger tells the next
// apply all that it made.
type plan struct {
	spec                    *config.Spec // nil: nothing is wanted
	live                    *nft.Snapshot
	intent, active, settled *nft.Ruleset

	have, want []ipvs.VirtualService // lvsmark's, or about to be; as found, and as they are to be
	services   []ipvs.Change
	settings   settingsPlan
	addresses  addressPlan
	notes      []string
	warnings   []string

	list []Change // see changes; nil: not listed yet
}

// plan compares the kernel with the spec. The ruleset is read before the spec is
// there, and again if somebody has changed it by the time the rest is.
func (k *kernel) plan(source Source) (*plan, error) {
	rehearsal := rehearse(source)
	p, err := k.begin()
	if err != nil {
		return nil, err
	}
	if p.spec, err = source(); err != nil {
		return nil, err
	}
	if p.spec.Director.Bind {
		if err := k.openIPVS(); err != nil {
			return nil, err
		}
	}
	p.warnings = k.warn(p.spec)
	k.progress("rehearse")
	r := <-rehearsal
	if err := k.readAgain(p); err != nil {
		return nil, err
	}
	if err := p.checkForeignTables(r.compiled); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, r.err
	}
	return p, k.compare(p, r.rehearsed, ipvs.Compile(p.spec), p.spec.Settings(), hostaddr.Compile(p.spec))
}

// A rehearsal is what became of the spec in a scratch network namespace.
type rehearsal struct {
	compiled, rehearsed *nft.Ruleset
	err                 error
}

// rehearse begins a rehearsal: it goes on while the kernel is read, for it has
// nothing to do with that. Of a spec with mistakes there is none.
func rehearse(source Source) <-chan rehearsal {
	done := make(chan rehearsal, 1)
	go func() {
		spec, err := source()
		if err != nil {
			return
		}
		r := rehearsal{compiled: nft.Compile(spec)}
		r.rehearsed, r.err = nft.Rehearse(r.compiled)
		done <- r
	}()
	return done
}

// removal compares the kernel with nothing.
func (k *kernel) removal() (*plan, error) {
	p, err := k.begin()
	if err != nil {
		return nil, err
	}
	return p, k.compare(p, &nft.Ruleset{}, nil, nil, nil)
}

// begin is a plan that has no more than what is there.
func (k *kernel) begin() (*plan, error) {
	live, err := k.nft.Snapshot()
	if err != nil {
		return nil, err
	}
	return &plan{live: live}, nil
}

// readAgain reads the ruleset of the plan anew when it is no longer that which is
// there: the spec, or the tables of others, may have taken their time.
func (k *kernel) readAgain(p *plan) error {
	generation, err := k.nft.Generation()
	if err == nil && generation != p.live.Generation {
		p.live, err = k.nft.Snapshot()
	}
	return err
}

// compare fills the plan in.
func (k *kernel) compare(p *plan, ruleset *nft.Ruleset, services []ipvs.VirtualService, settings []config.Setting, addresses []hostaddr.Address) error {
	old, next := p.live.Ledger(), ruleset.Ledger()
	var err error
	if p.have, err = k.ownServices(services, old); err != nil {
		return err
	}
	p.want = services
	p.services = ipvs.Diff(p.have, p.want)
	if p.settings, err = compareSettings(settings, old, &p.notes); err != nil {
		return err
	}
	if p.addresses, err = compareAddresses(addresses); err != nil {
		return err
	}
	next.Settings = p.settings.ledger
	p.phase(ruleset, old, next)
	return nil
}

// phase finds the forms that nftables goes through, from the one ledger to the
// other.
func (p *plan) phase(ruleset *nft.Ruleset, old, next nft.Ledger) {
	both := nft.Ledger{Bound: maps.Clone(old.Bound), Settings: maps.Clone(old.Settings)}
	maps.Copy(both.Bound, next.Bound)
	maps.Copy(both.Settings, next.Settings)
	p.intent, p.active = &p.live.Ruleset, ruleset.WithLedger(next, ruleset)
	p.settled = p.active
	if p.makes() && !reflect.DeepEqual(both, old) {
		p.intent = p.live.WithLedger(both, ruleset)
	}
	if !reflect.DeepEqual(both, next) {
		p.active = ruleset.WithLedger(both, &p.live.Ruleset)
	}
}

// makes reports whether anything but nftables is made or set, which the ledger
// has to say beforehand.
func (p *plan) makes() bool {
	return len(p.settings.set) > 0 || slices.ContainsFunc(p.services, func(c ipvs.Change) bool { return !c.Disrupts() })
}

// cuts reports whether anything is taken away that connections may hang off.
func (p *plan) cuts() bool { return slices.ContainsFunc(p.services, ipvs.Change.Disrupts) }

// checkForeignTables refuses a spec whose table somebody else has.
func (p *plan) checkForeignTables(compiled *nft.Ruleset) error {
	for _, t := range compiled.Tables {
		for _, foreign := range p.live.Foreign {
			if foreign.Family == t.Family && foreign.Name == t.Name {
				return fmt.Errorf("%s exists and is not lvsmark's: give lvsmark another name in director.table, or delete that table", foreign)
			}
		}
	}
	return nil
}

func (p *plan) result() *Result {
	return &Result{Changes: p.changes(), Notes: p.notes, Warnings: p.warnings}
}

// changes lists the plan in the order of apply. It is worked out once: connections
// are counted for it, and there may be many changes.
func (p *plan) changes() []Change {
	if p.list != nil {
		return p.list
	}
	j := newAnalyzer(p)
	makes, breaks := p.splitServices()
	p.list = joined(
		j.settingChanges(p.settings.set),
		j.addressChanges(p.addresses.gone, Delete),
		j.serviceChanges(makes),
		j.markChanges(nft.Changes(&p.live.Ruleset, p.settled)),
		j.addressChanges(p.addresses.come, Add),
		j.serviceChanges(breaks),
		j.settingChanges(p.settings.putBack),
	)
	return p.list
}

// joined is slices.Concat without a copy where only one list holds anything.
func joined(lists ...[]Change) []Change {
	lists = slices.DeleteFunc(lists, func(list []Change) bool { return len(list) == 0 })
	if len(lists) == 1 {
		return lists[0]
	}
	return slices.Concat(lists...)
}
