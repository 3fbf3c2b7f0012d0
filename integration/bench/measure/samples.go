package measure

import (
	"fmt"
	"maps"
	"slices"
)

// Samples are the measured values of each contender by name, one per round.
type Samples map[string][]float64

// Over returns the samples of all other contenders minus those of the base, round by
// round.
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

// With returns the samples and those of another contender: the sum of several, round by round.
func (s Samples) With(name string, parts ...string) Samples {
	sum := make([]float64, len(s.of(parts[0])))
	for _, part := range parts {
		for i, value := range s.of(part) {
			sum[i] += value
		}
	}
	all := maps.Clone(s)
	all[name] = sum
	return all
}

// Median returns the median of a contender.
func (s Samples) Median(name string) float64 { return quantile(s.of(name), 0.5) }

// Ratio completes a row that has Section, Name, Of, To, Unit and Bar with the ratio of
// the contenders Of and To, round by round.
func (s Samples) Ratio(row Row) Row {
	of, to := s.of(row.Of), s.of(row.To)
	ratios := make([]float64, len(of))
	for i := range of {
		ratios[i] = of[i] / to[i]
	}
	row.OfMedian, row.ToMedian = quantile(of, 0.5), quantile(to, 0.5)
	return row.spread(ratios)
}

// Plain completes a row that has Section, Name, Of, Unit and Bar with the samples of
// the contender Of.
func (s Samples) Plain(row Row) Row {
	row.OfMedian = quantile(s.of(row.Of), 0.5)
	return row.spread(s.of(row.Of))
}

// of panics if there is no contender of that name, which is an error in the section.
func (s Samples) of(name string) []float64 {
	values, ok := s[name]
	if !ok {
		panic(fmt.Sprintf("measure: no contender %q", name))
	}
	return values
}

// quantile returns the quantile q (0 to 1) of the values, by linear interpolation.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}
