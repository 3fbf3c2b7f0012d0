package controlplane

import (
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
)

// scale compares each way to call lvsmark on a large site with the same on one of
// a tenth of its clusters and VIPs.
func (b *bench) scale() ([]measure.Row, error) {
	large, err := b.site(shape{b.sized(1_000), b.sized(100_000), 4, false})
	if err != nil {
		return nil, err
	}
	small, err := b.site(shape{large.clusters / 10, large.vips / 10, 4, false})
	if err != nil {
		return nil, err
	}
	var rows []measure.Row
	for _, w := range ways() {
		b.Log("%s, %s", w.name, large)
		of, to := measure.Count(large.vips, "VIP"), measure.Count(small.vips, "VIP")
		contenders, err := b.cast(role{of, b.goes(w, large)}, role{to, b.goes(w, small)})
		if err != nil {
			return nil, err
		}
		samples, err := measure.Interleave(b.RoundsOr(5), contenders...)
		if err != nil {
			return nil, err
		}
		rows = append(rows, samples.Ratio(ofScale(w.name+", "+large.String(), of, to, "ms")))
	}
	memory, err := b.memoryAtScale(large.shape, small.shape)
	return append(rows, memory), err
}

// ofScale begins a row of which ten times as much is to be nearly ten times as
// dear.
func ofScale(name, of, to, unit string) measure.Row {
	return measure.Row{Section: "scale", Name: name, Of: of, To: to, Unit: unit, Bar: measure.AtMost(12.5)}
}

func (b *bench) memoryAtScale(large, small shape) (measure.Row, error) {
	b.Log("peak memory for %s", large)
	var contenders []measure.Contender
	for _, s := range []shape{large, small} {
		peak, err := b.peak(s)
		if err != nil {
			return measure.Row{}, err
		}
		peak.Name = measure.Count(s.vips, "VIP")
		contenders = append(contenders, peak)
	}
	samples, err := measure.Interleave(b.RoundsOr(3), contenders...)
	if err != nil {
		return measure.Row{}, err
	}
	return samples.Ratio(ofScale("peak memory, "+large.String(), contenders[0].Name, contenders[1].Name, "MB")), nil
}

// A way to call lvsmark.
type way struct {
	name, verb string
	status     int  // with which it ends
	applied    bool // whether the site is there already
	leaves     bool // whether it is there afterwards
}

func ways() []way {
	return []way{
		{"first apply", "apply", 0, false, true},
		{"nothing to do", "apply", 0, true, true},
		{"diff", "diff", 0, true, true},
		{"diff of all", "diff", 1, false, false},
		{"delete", "delete", 0, true, false},
	}
}

// goes calls lvsmark that way.
func (b *bench) goes(w way, s *site) func(*director) (task, error) {
	return func(d *director) (task, error) {
		c := b.do(w.verb, s)
		c.Status = w.status
		return task{
			before: func() error { return d.prepare(w.applied, b.do("apply", s)) },
			run:    d.times(c),
			after: func() error {
				if w.leaves {
					return d.marks(s)
				}
				return d.lists("")
			},
		}, nil
	}
}

// prepare clears the director, or sees to it that the site is applied.
func (d *director) prepare(applied bool, apply process.Command) error {
	if !applied {
		return d.clear()
	}
	if _, err := apply.Time(d.Namespace); err != nil {
		return err
	}
	d.settle()
	return nil
}
