package controlplane

import (
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
)

// scale compares each way to call lvsmark on a large site with the same on one of
// a tenth of its clusters and VIPs.
func (b *bench) scale() ([]measure.Row, error) {
	manyVIPs := shape{clusters: b.sized(1_000), vips: b.sized(100_000), servers: 4}
	manyServers := shape{clusters: b.sized(10_000), vips: b.sized(10_000), servers: 4}
	var rows []measure.Row
	for _, w := range ways() {
		large := manyVIPs
		if w.from == others {
			large = manyServers
		}
		row, err := b.wayAtScale(w, large, tenth(large))
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	memory, err := b.memoryAtScale(manyVIPs, tenth(manyVIPs))
	return append(rows, memory), err
}

func tenth(s shape) shape {
	s.clusters /= 10
	s.vips /= 10
	return s
}

func (b *bench) wayAtScale(w way, large, small shape) (measure.Row, error) {
	name := w.name + ", " + large.String()
	of, to := measure.Count(large.vips, "VIP"), measure.Count(small.vips, "VIP")
	goesLarge, err := b.goes(w, large)
	if err != nil {
		return measure.Row{}, err
	}
	goesSmall, err := b.goes(w, small)
	if err != nil {
		return measure.Row{}, err
	}
	samples, err := b.compare(name, 5, role{of, goesLarge}, role{to, goesSmall})
	if err != nil {
		return measure.Row{}, err
	}
	return samples.Ratio(ofScale(name, of, to, "ms")), nil
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
	status     int // with which it ends
	from       from
	leaves     bool // whether the site is there afterwards
}

// from is what is there when lvsmark is called.
type from string

const (
	nothing from = "nothing"
	itself  from = "the site"
	others  from = "the same VIPs with other marks and real servers"
)

func ways() []way {
	return []way{
		{"first apply", "apply", 0, nothing, true},
		{"nothing to do", "apply", 0, itself, true},
		{"all marks and real servers", "apply", 0, others, true},
		{"diff", "diff", 0, itself, true},
		{"diff of all", "diff", 1, nothing, false},
		{"delete", "delete", 0, itself, false},
	}
}

// goes calls lvsmark that way on a site.
func (b *bench) goes(w way, shape shape) (func(*director) (task, error), error) {
	s, err := b.site(shape)
	if err != nil {
		return nil, err
	}
	there := s
	if w.from == others {
		shape.others = true
		if there, err = b.site(shape); err != nil {
			return nil, err
		}
	}
	return func(d *director) (task, error) {
		c := b.do(w.verb, s)
		c.Status = w.status
		return task{
			before: func() error { return d.prepare(w.from != nothing, b.do("apply", there)) },
			run:    d.times(c),
			after: func() error {
				if w.leaves {
					return d.marks(s)
				}
				return d.lists("")
			},
		}, nil
	}, nil
}

// prepare clears the director, or sees to it that a site is applied.
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
