// Package controlplane measures lvsmark itself, the whole process and the commit
// alone, beside what else loads, lists and changes rules. Each works in a network
// namespace of its own, which is put back before each run, outside of the time
// that is measured, and looked at afterwards.
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

// Scale compares specs of which one is ten times as large as the other.
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

// times begins a row of times, of the control plane.
func times(name, of, to string, bar measure.Bar) measure.Row {
	return measure.Row{Section: "control plane", Name: name, Of: of, To: to, Unit: "ms", Bar: bar}
}

// sizes begins a row of memory.
func sizes(name, of string, bar measure.Bar) measure.Row {
	return measure.Row{Section: "memory", Name: name, Of: of, Unit: "MB", Bar: bar}
}
