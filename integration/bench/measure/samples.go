package measure

import (
	"fmt"
	"slices"
)

// Samples are the measures of each contender, by its name, one a round.
type Samples map[string][]float64

// Over are the samples of all others less those of the base, round by round: what
// each adds to it.
func (s Samples) Over(base string) Samples {
	below := s.of(base)
	over := Samples{}
	for name, values := range s {
		if name == base {
			continue
		}
		for i, value := range values {
			over[name] = append(over[name], value-below[i])
		}
	}
	return over
}

// Ratio completes a row that has Section, Name, Of, To, Unit and Bar. Of and To
// name contenders, whose samples are paired round by round.
func (s Samples) Ratio(row Row) Row {
	of, to := s.of(row.Of), s.of(row.To)
	ratios := make([]float64, len(of))
	for i := range of {
		ratios[i] = of[i] / to[i]
	}
	row.OfMedian, row.ToMedian = quantile(of, 0.5), quantile(to, 0.5)
	return row.spread(ratios)
}

// Plain completes a row that has Section, Name, Of, Unit and Bar, of one
// contender's samples.
func (s Samples) Plain(row Row) Row {
	row.OfMedian = quantile(s.of(row.Of), 0.5)
	return row.spread(s.of(row.Of))
}

// of panics when nobody of that name was measured: the section is wrong.
func (s Samples) of(name string) []float64 {
	values, ok := s[name]
	if !ok {
		panic(fmt.Sprintf("measure: no contender %q", name))
	}
	return values
}

// quantile is that of the values at q, between 0 and 1, by linear interpolation.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}
