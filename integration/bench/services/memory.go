package services

import (
	"errors"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// megabyte is the unit of sizes, in bytes.
const megabyte = 1e6

// peakLimit is the limit in MB for 10,000 clusters of 4 real servers.
const peakLimit = 200

// peak measures the largest peak memory of the verbs of lvsmark on the site.
func (b *bench) peak() ([]measure.Row, error) {
	b.Log("peak memory for %s", b)
	const name = "the most of apply, again, diff, delete"
	samples, err := measure.Interleave(min(2, b.RoundsOr(2)), measure.Contender{Name: name, Run: func() (float64, error) {
		d, err := newDirector()
		if err != nil {
			return 0, err
		}
		var most int64
		for _, verb := range []string{"apply", "apply", "diff", "delete"} {
			peak, peakErr := b.do(verb).Peak(d.Namespace)
			most, err = max(most, peak), errors.Join(err, peakErr)
		}
		return float64(most) / megabyte, errors.Join(err, d.clear(!b.Smoke))
	}})
	if err != nil {
		return nil, err
	}
	row := measure.Row{Section: b.section, Name: "peak memory, " + b.String(), Of: name, Unit: "MB", Bar: measure.AtMost(peakLimit)}
	return []measure.Row{samples.Plain(row)}, nil
}
