package specgen

import (
	"math/rand/v2"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

// Near returns another spec with few differences, as an operator makes in a day.
func Near(r *rand.Rand, spec *config.Spec) *config.Spec {
	for {
		d := &draft{r, Check(spec)} // a copy
		for range 1 + d.IntN(3) {
			d.change()
		}
		if len(d.spec.Clusters) == 0 {
			continue
		}
		if d.oneIn(4) {
			d.changeHooks()
		}
		if next := Check(d.spec); next != nil {
			return next
		}
	}
}

func (d *draft) change() {
	if len(d.spec.Clusters) == 0 {
		return
	}
	i := d.IntN(len(d.spec.Clusters))
	c := &d.spec.Clusters[i]
	switch d.IntN(14) {
	case 0, 1:
		d.addVIPs(c, c.VIPs[0].Family(), 1+d.IntN(3))
	case 2, 3:
		c.VIPs = slices.Delete(c.VIPs, 0, 1)
		if len(c.VIPs) == 0 {
			d.remove(i)
		}
	case 4:
		c.Mark = d.freeMark(c)
	case 5:
		d.swapMarks(c, &d.spec.Clusters[d.IntN(len(d.spec.Clusters))])
	case 6:
		d.moveVIP(c, &d.spec.Clusters[d.IntN(len(d.spec.Clusters))])
	case 7:
		d.remove(i)
	case 8:
		d.addCluster(d.service())
	case 9:
		d.spec.Director.Marks = config.FirstPacket - d.spec.Director.Marks
	case 10:
		d.changeOnly(c)
	default:
		d.changePorts(c)
	}
}

// changeOnly adds conditions, removes them, or replaces them.
func (d *draft) changeOnly(c *config.Cluster) {
	had := c.Only != nil
	c.Only = nil
	if !had || d.oneIn(2) {
		d.setOnly(c)
	}
}

// changeHooks changes a key that adds chains or removes them, or the sync daemons.
func (d *draft) changeHooks() {
	c := &d.spec.Clusters[d.IntN(len(d.spec.Clusters))]
	switch d.IntN(4) {
	case 3:
		if d.spec.Director.Bind {
			d.spec.Director.Sync = d.sync()
		}
	case 0:
		d.spec.Director.KeepMarks = !d.spec.Director.KeepMarks
	case 1:
		d.spec.Director.LocalClients = !d.spec.Director.LocalClients
	case 2:
		if c.Forwards(config.NAT) {
			c.SourceNAT = config.SourceNAT(d.IntN(3))
		}
	}
}

func (d *draft) remove(i int) { d.spec.Clusters = slices.Delete(d.spec.Clusters, i, i+1) }

func (d *draft) swapMarks(a, b *config.Cluster) { a.Mark, b.Mark = b.Mark, a.Mark }

func (d *draft) moveVIP(from, to *config.Cluster) {
	vip := from.VIPs[0]
	if len(from.VIPs) > 1 && !slices.Contains(to.VIPs, vip) && to.Serves(vip.Family()) {
		from.VIPs = slices.Delete(from.VIPs, 0, 1)
		to.VIPs = append(to.VIPs, vip)
	}
}

func (d *draft) changePorts(c *config.Cluster) {
	switch {
	case c.FTP == nil && slices.ContainsFunc(c.RealServers, func(s config.RealServer) bool { return s.Port != 0 }):
	case c.FTP == nil:
		c.Ports = d.ports()
		c.OnePacket = false
	case c.FTP.Active != nil && d.oneIn(3):
		c.FTP.Active.Translate = config.Translation(d.IntN(3))
	case c.FTP.Active != nil && d.oneIn(2):
		c.FTP.Active.Sources = d.sources(c)
	case c.Sharded() && d.oneIn(2):
		c.FTP.Shards++
	default:
		c.FTP.PassivePorts = d.passive()
	}
}
