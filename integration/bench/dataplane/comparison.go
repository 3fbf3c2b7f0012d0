package dataplane

import (
	"math"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// A comparison is a figure: the ratio of two cells.
type comparison struct {
	name   string
	of, to cell
	bar    measure.Bar
	hash   *hashCells // nil: the bar is a number
}

// randomLimit is the limit of a random VIP of many to one VIP where the second-level cache holds
// the map.
const randomLimit = 1.6

// hashCells are the cells of the BPF hash of the same run. Where the cache does not hold the
// tables, a random VIP costs the hash the misses of its element, and nft's map one more, that of
// its bucket: the limit is twice what the hash pays.
type hashCells struct{ random, last cell }

func (h *hashCells) bar(samples measure.Samples, one float64) measure.Bar {
	misses := samples.Median(h.random.String()) - samples.Median(h.last.String())
	return measure.AtMost(max(randomLimit, math.Round(100*(1+2*misses/one))/100))
}

// row returns the figure for samples of both cells.
func (c comparison) row(samples measure.Samples) measure.Row {
	of, to := c.labels()
	if c.hash != nil {
		c.bar = c.hash.bar(samples, samples.Median(c.to.String()))
	}
	pair := measure.Samples{of: samples[c.of.String()], to: samples[c.to.String()]}
	return pair.Ratio(measure.Row{Section: "data plane", Name: c.name, Of: of, To: to, Unit: "ns", Bar: c.bar})
}

// labels returns names of the two cells that show their difference.
func (c comparison) labels() (of, to string) {
	switch {
	case c.of.peer != c.to.peer:
		return string(c.of.peer), string(c.to.peer)
	case c.of.site.family != c.to.site.family:
		return c.of.site.family.String(), c.to.site.family.String()
	case c.of.site.shards != c.to.site.shards:
		return measure.Count(c.of.site.vips, "VIP") + c.of.site.ofShards(), measure.Count(c.to.site.vips, "VIP") + c.to.site.ofShards()
	case c.of.site.network != c.to.site.network:
		return measure.Count(c.of.site.vips, "VIP") + c.of.site.inNetworks(), measure.Count(c.to.site.vips, "VIP") + c.to.site.inNetworks()
	case c.of.site.vips != c.to.site.vips:
		return measure.Count(c.of.site.vips, "VIP"), measure.Count(c.to.site.vips, "VIP")
	case c.of.site.profiles != c.to.site.profiles:
		return measure.Count(c.of.site.profiles, "profile"), measure.Count(c.to.site.profiles, "profile")
	}
	return string(c.of.stream), "marked"
}
