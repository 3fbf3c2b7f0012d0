package lvsmark

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

func (j *analyzer) markChanges(list []nft.Change) []Change {
	changes := make([]Change, len(list))
	for i := range list {
		c := &list[i]
		changes[i] = Change{Op: Op(c.Op), Kind: c.Kind, Where: c.Where, Before: c.Before, After: c.After, Impact: j.markImpact(c)}
	}
	return changes
}

// markImpact: no change of marks cuts an IPVS connection. A packet's connection
// is looked up by addresses and ports before its mark is looked at
// (ip_vs_in, conn_in_get), so marks decide about new connections only.
func (j *analyzer) markImpact(c *nft.Change) Impact {
	switch {
	case len(c.MarkChanges) > 0:
		return j.shifted(c.MarkChanges)
	case c.EndsNAT:
		return natEnded(c)
	case c.Untranslated:
		return Impact{Effect: Drains, Detail: "new active data connections from there keep their source address"}
	case c.RuleKind == nft.RuleVerdict:
		return Impact{Effect: Drains, Detail: "not lvsmark's: new connections that it marked, let pass or stopped go another way"}
	case c.RuleKind == nft.RuleOpaque:
		return Impact{Effect: Cuts, Unknown: true, Detail: "not lvsmark's, which does not know what it did"}
	}
	return Impact{Effect: Safe}
}

// natEnded: without a nat chain the kernel no longer translates what it did for
// connections that are established, unless another program has one: that is not looked for.
func natEnded(c *nft.Change) Impact {
	n, err := c.Translated()
	switch {
	case err != nil:
		return Impact{Effect: Cuts, Unknown: true, Detail: "active data under way is no longer translated"}
	case n == 0:
		return Impact{Effect: Safe}
	}
	return Impact{Effect: Cuts, Connections: n, Detail: "active data under way is no longer translated"}
}

// A turn is what the mark changes of several ranges of ports have in common.
type turn struct {
	from, to ipvs.Key // to.Mark may be 0
	ports    []string
}

func (j *analyzer) shifted(markChanges []nft.MarkChange) Impact {
	var turns []turn
	vips := map[netip.Addr]bool{}
	for _, s := range markChanges {
		vips[s.VIP] = true
		family := config.FamilyOf(s.VIP)
		t := turn{from: ipvs.Key{Mark: s.Mark, Family: family}, to: ipvs.Key{Mark: s.To, Family: family}}
		i := slices.IndexFunc(turns, func(o turn) bool { return o.from == t.from && o.to == t.to })
		if i < 0 {
			i, turns = len(turns), append(turns, t)
		}
		if !slices.Contains(turns[i].ports, s.PortRange.String()) {
			turns[i].ports = append(turns[i].ports, s.PortRange.String())
		}
	}
	var words []string
	for _, t := range turns {
		words = append(words, j.turned(t))
	}
	detail := strings.Join(words, "; ")
	if len(vips) > 1 {
		detail = fmt.Sprintf("%d VIPs: %s", len(vips), detail)
	}
	if n := j.stay(markChanges); n > 0 {
		detail += fmt.Sprintf("; %d established stay", n)
	}
	return Impact{Effect: Drains, Cluster: j.cluster(turns[0].from), Detail: detail}
}

func (j *analyzer) turned(t turn) string {
	ports := strings.Join(t.ports, ", ")
	if t.to.Mark == 0 {
		return fmt.Sprintf("no new connections to ports %s of %s", ports, j.mark(t.from))
	}
	return fmt.Sprintf("new connections to ports %s go to %s instead of %s", ports, j.mark(t.to), j.mark(t.from))
}

// stay counts the connections to such ports that nothing else in the plan cuts.
func (j *analyzer) stay(markChanges []nft.MarkChange) int {
	n := 0
	for _, s := range markChanges {
		if j.vipGoes(s.VIP) {
			continue
		}
		for _, c := range j.connections()[s.VIP] {
			if s.Protocol == c.Protocol && s.Low <= c.VIP.Port() && c.VIP.Port() <= s.High && !j.leaves(c) {
				n++
			}
		}
	}
	return n
}
