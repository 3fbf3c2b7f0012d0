package controlplane

import (
	"github.com/lvsmark/lvsmark/integration/bench/measure"
	"github.com/lvsmark/lvsmark/integration/bench/process"
)

// megabyte is the unit of sizes, in bytes.
const megabyte = 1e6

// peaks measures the peak memory for specs of several sizes.
func (b *bench) peaks() ([]measure.Row, error) {
	var rows []measure.Row
	for _, c := range []struct {
		shape
		limit float64
	}{
		{shape{clusters: 1, vips: 1, servers: 2}, 20},
		{shape{clusters: 1, vips: b.sized(10_000), servers: 2}, 60},
		{shape{clusters: b.sized(10_000), vips: b.sized(10_000), servers: 4}, 200},
	} {
		peak, err := b.peak(c.shape)
		if err != nil {
			return nil, err
		}
		b.Log("peak memory for %s", c.shape)
		samples, err := measure.Interleave(b.RoundsOr(3), peak)
		if err != nil {
			return nil, err
		}
		rows = append(rows, samples.Plain(sizes("peak, "+c.String(), peak.Name, measure.AtMost(c.limit))))
	}
	return rows, nil
}

// peak returns a contender for the largest peak memory of the verbs of lvsmark on the
// site.
func (b *bench) peak(s shape) (measure.Contender, error) {
	made, err := b.site(s)
	if err != nil {
		return measure.Contender{}, err
	}
	d, err := b.director()
	if err != nil {
		return measure.Contender{}, err
	}
	differs := b.do("diff", made)
	differs.Status = 1
	run := func() (float64, error) {
		var most int64
		for _, c := range []process.Command{differs, b.do("apply", made), b.do("apply", made), b.do("diff", made), b.do("delete", made)} {
			peak, err := c.Peak(d.Namespace)
			if err != nil {
				return 0, err
			}
			most = max(most, peak)
		}
		return float64(most) / megabyte, d.checkListing("")
	}
	return measure.Contender{Name: "the most of apply, again, diff, delete", Run: run}, nil
}
