package config

import "slices"

// nestedVIPs checks VIPs that are within a network or range of VIPs, or overlap one. It
// goes once through the sorted VIPs; around has the ranges that reach the current ones.
func (c *checker) nestedVIPs() {
	if !slices.ContainsFunc(c.outermost, func(use vipUse) bool { return !use.vips.IsSingle() }) {
		return
	}
	known := map[nestingKey]nesting{}
	var around []vipUse
	for _, use := range c.vips {
		around = slices.DeleteFunc(around, func(r vipUse) bool { return r.vips.Last.Less(use.vips.First) })
		c.onlyAround(around, use)
		for _, r := range slices.Backward(around) {
			if r.vips != use.vips && r.vips.Overlaps(use.vips) && !c.nested(r, use, known) {
				break
			}
		}
		if !use.vips.IsSingle() {
			around = append(around, use)
		}
	}
}

// A nesting is how the packets of two clusters compare. A cluster with only and one without
// have no packets in common: the one with only takes those that meet it.
type nesting struct {
	common   PortRange // a range of ports of which both mark the same packets; High is 0 if there is none
	equal    bool      // both mark the same ports
	reason   string    // see portConflict
	reported bool      // the note for the two clusters
}

type nestingKey struct {
	family        Family
	around, inner int
}

func (c *checker) nestingOf(key nestingKey) nesting {
	a, b := key.around, key.inner
	if c.ports[a] == nil || c.ports[b] == nil {
		return nesting{}
	}
	conflicts := c.conflictsOf(key.family, vipUses{{cluster: a}, {cluster: b}})
	if len(conflicts) == 0 {
		return nesting{}
	}
	n := nesting{common: conflicts[0].ports, equal: slices.Equal(c.ports[a], c.ports[b]), reason: conflicts[0].reason}
	if n.reason == "" && (c.spec.Clusters[a].Sharded() || c.spec.Clusters[b].Sharded()) {
		n.reason = "with passive-shards, the smaller range does not get its own marks: give ranges without common addresses, or mark other ports"
	}
	return n
}

// nested checks VIPs that overlap others. VIPs of another cluster with the same ports may be
// within a larger range: a packet gets the mark of the smaller one. It returns false after
// a mistake.
func (c *checker) nested(around, use vipUse, known map[nestingKey]nesting) bool {
	within := around.vips.Encloses(use.vips)
	if around.cluster == use.cluster {
		place, other := use, around
		if comparePositions(place.position, other.position) < 0 && !within {
			place, other = other, place
		}
		verb, remedy := "is within", "remove it"
		if !within {
			verb, remedy = "overlaps", "give ranges without common addresses"
		}
		c.mistake(place.position, "VIP %s %s %s at line %d; %s", place.vips, verb, other.vips, other.line, remedy)
		return false
	}
	pair := nestingKey{use.vips.Family(), around.cluster, use.cluster}
	n, done := known[pair]
	if !done {
		n = c.nestingOf(pair)
	}
	defer func() { known[pair] = n }()
	switch {
	case n.common.High == 0:
		return true
	case within && n.equal && n.reason == "":
		if !n.reported {
			c.note(use.position, "VIP %s is within %s of %s: its packets get the mark of the smaller range", use.vips, around.vips, c.label(around.cluster))
		}
		n.reported = true
		return true
	}
	c.overlapMistake(around, use, within, n)
	return false
}

func (c *checker) overlapMistake(around, use vipUse, within bool, n nesting) {
	place, other := use, around
	if comparePositions(place.position, other.position) < 0 {
		place, other = other, place
	}
	if n.reason != "" {
		c.mistake(place.position, "VIP %s with port %s overlaps %s of %s at line %d; %s",
			place.vips, n.common, other.vips, c.label(other.cluster), other.line, n.reason)
		return
	}
	if within {
		c.mistake(place.position, "VIP %s with port %s overlaps %s of %s at line %d; the smaller range gets its own mark only if both clusters have the same ports: give them the same ports, or ports without overlap",
			place.vips, n.common, other.vips, c.label(other.cluster), other.line)
		return
	}
	c.mistake(place.position, "VIP %s with port %s overlaps %s of %s at line %d, and neither contains the other; a packet has one mark, so give ranges without common addresses or mark other ports",
		place.vips, n.common, other.vips, c.label(other.cluster), other.line)
}
