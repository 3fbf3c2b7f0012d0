// Package controlplane compares lvsmark (the whole process, and the commit alone) with
// other programs that load, list and change rules. Each has its own network namespace.
// Before each run its state is reset, and afterwards checked, outside of the measured
// time.
package controlplane

import "github.com/lvsmark/lvsmark/integration/bench/measure"

// Run measures a first apply, one with addresses, one with nothing to do, diff, one
// VIP more, and the start of a process.
func Run(opts measure.Options) ([]measure.Row, error) {
	return on(opts, func(b *bench) ([]measure.Row, error) {
		return concat(b.firstApplies, b.addresses, b.nothingToDo, b.oneMore, b.start)
	})
}

// Memory measures the peak memory of lvsmark, and the size of its binary.
func Memory(opts measure.Options) ([]measure.Row, error) {
	return on(opts, func(b *bench) ([]measure.Row, error) {
		return concat(b.peaks, b.binary)
	})
}

// Scale compares specs with others of a tenth of their size.
func Scale(opts measure.Options) ([]measure.Row, error) {
	return on(opts, (*bench).scale)
}

func concat(parts ...func() ([]measure.Row, error)) ([]measure.Row, error) {
	var rows []measure.Row
	for _, part := range parts {
		more, err := part()
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// times returns an incomplete row of times of the control plane.
func times(name, of, to string, bar measure.Bar) measure.Row {
	return measure.Row{Section: "control plane", Name: name, Of: of, To: to, Unit: "ms", Bar: bar}
}

// sizes returns an incomplete row of memory.
func sizes(name, of string, bar measure.Bar) measure.Row {
	return measure.Row{Section: "memory", Name: name, Of: of, Unit: "MB", Bar: bar}
}
