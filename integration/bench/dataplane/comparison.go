package dataplane

import "github.com/lvsmark/lvsmark/integration/bench/measure"

// A comparison is a figure: the ratio of two cells.
type comparison struct {
	name   string
	of, to cell
	bar    measure.Bar
}

// row returns the figure for samples of both cells.
func (c comparison) row(samples measure.Samples) measure.Row {
	of, to := c.labels()
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
