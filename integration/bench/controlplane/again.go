package controlplane

import (
	"fmt"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
)

// nothingToDo compares apply and diff, when the kernel matches the spec, with a program
// that only lists the ruleset.
func (b *bench) nothingToDo() ([]measure.Row, error) {
	s, err := b.site(shape{clusters: 1, vips: b.sized(10_000), servers: 2})
	if err != nil {
		return nil, err
	}
	d, err := b.director()
	if err != nil {
		return nil, err
	}
	if _, err := b.do("apply", s).Time(d.Namespace); err != nil {
		return nil, err
	}
	if err := d.checkMarks(s); err != nil {
		return nil, err
	}
	before, err := d.generation()
	if err != nil {
		return nil, err
	}
	unwritten := func() error {
		now, err := d.generation()
		if err == nil && now != before {
			err = fmt.Errorf("the ruleset's generation is %d, and was %d: the command wrote to it", now, before)
		}
		return err
	}
	b.Log("nothing to do for %s", s)
	samples, err := measure.Interleave(b.RoundsOr(15),
		task{run: d.times(b.do("apply", s)), after: unwritten}.named("lvsmark apply"),
		task{run: d.times(b.do("diff", s)), after: unwritten}.named("lvsmark diff"),
		task{run: d.times(process.Command{Args: []string{"nft", "list", "ruleset"}})}.named("nft list ruleset"),
	)
	if err != nil {
		return nil, err
	}
	return []measure.Row{
		samples.Ratio(times("nothing to do, "+s.String(), "lvsmark apply", "nft list ruleset", measure.AtMost(1))),
		samples.Ratio(times("diff, "+s.String(), "lvsmark diff", "nft list ruleset", measure.AtMost(1))),
	}, nil
}
