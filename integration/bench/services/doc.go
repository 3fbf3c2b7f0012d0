// Package services compares lvsmark with ipvsadm: the whole process, and its IPVS part
// alone. It needs a kernel with IPVS.
package services

import (
	"os"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// Run measures a first apply, one with nothing to do, diff, status and memory for 1,000
// clusters of 10 real servers.
func Run(opts measure.Options) ([]measure.Row, error) {
	size := size{1_000, 10}
	if opts.Smoke {
		size.clusters = 20
	}
	return rows("IPVS", opts, size)
}

// Large is Run for 10,000 clusters of 4 real servers, which is slow.
func Large(opts measure.Options) ([]measure.Row, error) {
	if opts.Rounds == 0 {
		opts.Rounds = 3
	}
	size := size{10_000, 4}
	if opts.Smoke {
		size.clusters = 40
	}
	return rows("IPVS, large", opts, size)
}

func rows(section string, opts measure.Options, size size) ([]measure.Row, error) {
	directory, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(directory)
	s, err := newSite(directory, size)
	if err != nil {
		return nil, err
	}
	b := &bench{opts, s, section}
	var rows []measure.Row
	for _, part := range []func() ([]measure.Row, error){b.firstApply, b.nothingToDo, b.peak} {
		more, err := part()
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// A bench measures one site.
type bench struct {
	measure.Options
	*site
	section string // of its rows
}

// row returns an incomplete row of times.
func (b *bench) row(name, of, to string, bar measure.Bar) measure.Row {
	return measure.Row{Section: b.section, Name: name + ", " + b.String(), Of: of, To: to, Unit: "ms", Bar: bar}
}
