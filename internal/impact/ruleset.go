package impact

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// ruleset returns the impacts of changes of nftables. A change of marks cuts no IPVS
// connection: the kernel looks up the connection of a packet by addresses and ports
// before it reads the mark (ip_vs_in, conn_in_get), so marks affect new connections only.
func (a *analyzer) ruleset() []Impact {
	changes := a.Changes.Ruleset
	if len(changes) == 0 {
		return nil
	}
	found := findConsequences(changes, a.Before.Ruleset, a.After.Ruleset)
	impacts := make([]Impact, len(changes))
	for i := range changes {
		impacts[i] = a.rulesetChange(found.of(i), found.kinds[i])
	}
	return impacts
}

func findConsequences(changes []nft.Change, before, after *nft.Ruleset) *consequences {
	c := &consequences{changes: changes, found: make([]*consequence, len(changes)), kinds: make([]ruleKind, len(changes))}
	for i := range changes {
		if o := changes[i].Before; changes[i].Op == nft.Delete && o.Rule != nil {
			c.kinds[i] = kindOf(o.Table, o.Rule)
		}
	}
	c.findMarkChanges(before, after)
	c.findUntranslated(before, after)
	c.findKeptSources(before, after)
	c.findNewSources(before, after)
	c.findLocalClients(after)
	c.findEndOfNAT(before, after)
	return c
}

func (a *analyzer) rulesetChange(c consequence, kind ruleKind) Impact {
	switch {
	case len(c.markChanges) > 0:
		return a.marksChanged(c.markChanges)
	case c.natEnd != nil:
		return a.natEnded(c.natEnd)
	case c.untranslated:
		return Impact{Effect: Drains, Detail: "new active data connections from these addresses keep their source address"}
	case len(c.keptSources)+len(c.newSources) > 0:
		return a.sourcesChanged(c)
	case c.localClients:
		return Impact{Effect: Drains, Detail: "new connections of programs on the director reach only VIPs that are its addresses, and get no source-nat"}
	case kind == ruleVerdict:
		return Impact{Effect: Drains, Detail: "rule not made by lvsmark: new connections that it marked, accepted or dropped are handled differently"}
	case kind == ruleOpaque:
		return Impact{Effect: Cuts, Unknown: true, Detail: "rule not made by lvsmark: its effect is unknown"}
	}
	return Impact{Effect: Safe}
}

// natEnded returns the impact of the deletion of lvsmark's last nat chain: the kernel no
// longer translates established connections, unless another program has a nat chain. The
// analyzer does not check other programs' chains.
func (a *analyzer) natEnded(end *natEnd) Impact {
	what, n, err := "active data connections", 0, error(nil)
	if len(end.sources) > 0 {
		n, err = end.translated(a.Connections)
	}
	if len(end.services) > 0 {
		what, n = "connections", n+a.establishedOf(end.services)
		if a.readError != nil {
			err = a.readError
		}
	}
	detail := "established " + what + " are no longer translated"
	switch {
	case err != nil:
		return Impact{Effect: Cuts, Unknown: true, Detail: detail}
	case n == 0:
		return Impact{Effect: Safe}
	}
	return Impact{Effect: Cuts, Connections: n, Detail: detail}
}

// A redirection is the mark changes of several ranges of ports with the same marks.
type redirection struct {
	from, to ipvs.Key // to.Mark may be 0
	some     bool     // see markChange
	ports    []config.PortRange
}

func (a *analyzer) marksChanged(changes []markChange) Impact {
	vips := map[config.AddressRange]bool{}
	count := uint64(0)
	for _, c := range changes {
		if !vips[c.vips] {
			vips[c.vips] = true
			count = max(count, count+c.vips.Count()) // the sum, unless it is too large
		}
	}
	redirections := joinMarkChanges(changes)
	detail := strings.Join(a.redirectionTexts(redirections), "; ")
	if count > 1 {
		detail = fmt.Sprintf("%d VIPs: %s", count, detail)
	}
	if n := a.established(changes); n > 0 {
		detail += "; " + countOf(n, "established connection") + " not affected"
	}
	return Impact{Effect: Drains, Cluster: a.clusterName(redirections[0].from), Detail: detail}
}

// redirectionTexts returns what happens to packets, and then what FTP servers need.
func (a *analyzer) redirectionTexts(list []redirection) (texts []string) {
	for _, r := range list {
		texts = append(texts, a.redirectionText(r))
	}
	for _, r := range list {
		if text := a.portsOfShard(r); text != "" && !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return texts
}

func joinMarkChanges(changes []markChange) []redirection {
	var list []redirection
	for _, c := range changes {
		family, ports := c.vips.Family(), c.PortRange
		r := redirection{from: ipvs.Key{Mark: c.Mark, Family: family}, to: ipvs.Key{Mark: c.to, Family: family}, some: c.some}
		i := slices.IndexFunc(list, func(o redirection) bool { return o.from == r.from && o.to == r.to && o.some == r.some })
		if i < 0 {
			i, list = len(list), append(list, r)
		}
		if !slices.Contains(list[i].ports, ports) {
			list[i].ports = append(list[i].ports, ports)
		}
	}
	return list
}

func joinPorts(list []config.PortRange) string {
	texts := make([]string, len(list))
	for i, ports := range list {
		texts[i] = ports.String()
	}
	return strings.Join(texts, ", ")
}

func (a *analyzer) redirectionText(r redirection) string {
	ports := joinPorts(r.ports)
	if r.to == r.from {
		return fmt.Sprintf("new connections to ports %s of %s from fewer packets: the conditions of only change", ports, a.markName(r.from))
	}
	if r.to.Mark == 0 {
		return fmt.Sprintf("no new connections to ports %s of %s", ports, a.markName(r.from))
	}
	which := ""
	if r.some {
		which = " that meet the conditions of only"
	}
	return fmt.Sprintf("new connections to ports %s%s go to %s instead of %s", ports, which, a.markName(r.to), a.markName(r.from))
}

// established counts the connections to these ports that no other change cuts.
func (a *analyzer) established(changes []markChange) int {
	n := 0
	for _, m := range changes {
		for _, c := range a.connectionsTo(m.vips) {
			if a.isRemoved(c.VIP.Addr()) {
				continue
			}
			if m.Protocol == c.Protocol && m.Low <= c.VIP.Port() && c.VIP.Port() <= m.High && !a.endsWithServer(c) {
				n++
			}
		}
	}
	return n
}
