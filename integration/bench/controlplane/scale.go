package controlplane

import (
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
)

// scale compares each operation on a large site with the same operation on a site with
// a tenth of its clusters and VIPs.
func (b *bench) scale() ([]measure.Row, error) {
	manyVIPs := shape{clusters: b.sized(1_000), vips: b.sized(100_000), servers: 4}
	manyServers := shape{clusters: b.sized(10_000), vips: b.sized(10_000), servers: 4}
	var rows []measure.Row
	for _, op := range operations() {
		large := manyVIPs
		if op.from == others {
			large = manyServers
		}
		row, err := b.timeAtScale(op, large, tenth(large))
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

func (b *bench) timeAtScale(op operation, large, small shape) (measure.Row, error) {
	name := op.name + ", " + large.String()
	of, to := measure.Count(large.vips, "VIP"), measure.Count(small.vips, "VIP")
	largeTask, err := b.operationTask(op, large)
	if err != nil {
		return measure.Row{}, err
	}
	smallTask, err := b.operationTask(op, small)
	if err != nil {
		return measure.Row{}, err
	}
	samples, err := b.compare(name, 5, namedTask{of, largeTask}, namedTask{to, smallTask})
	if err != nil {
		return measure.Row{}, err
	}
	return samples.Ratio(ofScale(name, of, to, "ms")), nil
}

// ofScale returns an incomplete row whose bar requires nearly linear growth for a
// factor of ten.
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

// An operation is a run of lvsmark in an initial state.
type operation struct {
	name, verb string
	status     int // expected exit status
	from       initialState
	leaves     bool // whether the site is there afterwards
}

// initialState is the state before the operation.
type initialState string

const (
	nothing initialState = "nothing"
	itself  initialState = "the site"
	others  initialState = "the same VIPs with other marks and real servers"
)

func operations() []operation {
	return []operation{
		{"first apply", "apply", 0, nothing, true},
		{"nothing to do", "apply", 0, itself, true},
		{"all marks and real servers", "apply", 0, others, true},
		{"diff", "diff", 0, itself, true},
		{"diff of all", "diff", 1, nothing, false},
		{"delete", "delete", 0, itself, false},
	}
}

// operationTask returns the task that runs the operation on a site.
func (b *bench) operationTask(op operation, shape shape) (func(*director) (task, error), error) {
	s, err := b.site(shape)
	if err != nil {
		return nil, err
	}
	there := s
	if op.from == others {
		shape.others = true
		if there, err = b.site(shape); err != nil {
			return nil, err
		}
	}
	return func(d *director) (task, error) {
		c := b.do(op.verb, s)
		c.Status = op.status
		return task{
			before: func() error { return d.prepare(op.from != nothing, b.do("apply", there)) },
			run:    d.times(c),
			after: func() error {
				if op.leaves {
					return d.checkMarks(s)
				}
				return d.checkListing("")
			},
		}, nil
	}, nil
}

// prepare clears the director, or applies a site.
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
