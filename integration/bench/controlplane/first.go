package controlplane

import (
	"time"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
)

// firstApplies compares the first apply with programs that load the same marks.
func (b *bench) firstApplies() ([]measure.Row, error) {
	large, err := b.site(shape{clusters: 1, vips: b.sized(10_000), servers: 2})
	if err != nil {
		return nil, err
	}
	small, err := b.site(shape{clusters: 1, vips: b.sized(1_000), servers: 2})
	if err != nil {
		return nil, err
	}
	forwarding, err := b.site(shape{clusters: 1, vips: b.sized(10_000), servers: 2, forwards: true})
	if err != nil {
		return nil, err
	}
	fewer := "lvsmark apply of " + measure.Grouped(small.vips)
	name := "first apply of " + large.String()
	samples, err := b.compare(name, 15,
		namedTask{"lvsmark apply", b.applies(large)},
		namedTask{"lvsmark apply, ip-forward", b.applies(forwarding)},
		namedTask{"nft -f", b.loads(large)},
		namedTask{"iptables-legacy-restore", b.restores(large, "legacy")},
		namedTask{"iptables-nft-restore", b.restores(large, "nft")},
		namedTask{"commit alone", b.commits(large)},
		namedTask{"kernel alone", b.replays(large)},
		namedTask{"lvsmark check", b.checks(large)},
		namedTask{fewer, b.applies(small)},
	)
	if err != nil {
		return nil, err
	}
	return []measure.Row{
		samples.Ratio(times(name+", to nft", "lvsmark apply", "nft -f", measure.AtMost(1))),
		samples.Ratio(times(name+", to iptables-legacy", "lvsmark apply", "iptables-legacy-restore", measure.AtMost(0.6))),
		samples.Ratio(times(name+", to iptables-nft", "lvsmark apply", "iptables-nft-restore", measure.AtMost(0.12))),
		samples.Ratio(times(name+", commit", "commit alone", "nft -f", measure.AtMost(0.25))),
		samples.Ratio(times(name+", kernel", "kernel alone", "nft -f", measure.Bar{})),
		samples.Ratio(times(name+", and ip-forward", "lvsmark apply, ip-forward", "nft -f", measure.Bar{})),
		samples.Ratio(times(name+", the spec", "lvsmark check", "nft -f", measure.Bar{})),
		samples.Ratio(times(name+", to a tenth", "lvsmark apply", fewer, measure.AtMost(6))),
	}, nil
}

// applies runs lvsmark apply on an empty director.
func (b *bench) applies(s *site) func(*director) (task, error) {
	return func(d *director) (task, error) {
		return task{
			before: d.clear,
			run:    d.times(b.do("apply", s)),
			after:  func() error { return d.checkMarks(s) },
		}, nil
	}
}

func (b *bench) loads(s *site) func(*director) (task, error) {
	return func(d *director) (task, error) {
		return task{
			before: d.clear,
			run:    d.times(process.Command{Args: []string{"nft", "-f", s.nft}}),
			after:  func() error { return d.checkMarks(s) },
		}, nil
	}
}

// restores loads the recipe with a variant of iptables-restore, legacy or nft.
func (b *bench) restores(s *site, variant string) func(*director) (task, error) {
	program := "iptables-" + variant
	return func(d *director) (task, error) {
		clear := d.clear
		if variant == "legacy" {
			clear = d.clearLegacy
		}
		return task{
			before: clear,
			run:    d.times(process.Command{Args: []string{program + "-restore", "-w", "--noflush"}, Stdin: s.recipe}),
			after:  func() error { return d.checkRules(s, program+"-save") },
		}, nil
	}
}

func (b *bench) commits(s *site) func(*director) (task, error) {
	return func(d *director) (task, error) {
		ruleset, err := rehearsed(s)
		return task{
			before: d.clear,
			run:    func() (time.Duration, error) { return d.commit(ruleset) },
			after:  func() error { return d.checkMarks(s) },
		}, err
	}
}

// checks only reads the spec.
func (b *bench) checks(s *site) func(*director) (task, error) {
	return func(d *director) (task, error) { return task{run: d.times(b.do("check", s))}, nil }
}

// replays measures the kernel's part of a commit, a lower limit for any program.
func (b *bench) replays(s *site) func(*director) (task, error) {
	return func(d *director) (task, error) {
		if err := d.run("nft", "-f", s.nft); err != nil {
			return task{}, err
		}
		listed, err := d.list()
		if err != nil {
			return task{}, err
		}
		batch, err := d.batch()
		return task{
			before: d.clear,
			run:    func() (time.Duration, error) { return d.replay(batch) },
			after:  func() error { return d.checkListing(listed) },
		}, err
	}
}
