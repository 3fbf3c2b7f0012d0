package firewall

import (
	"cmp"
	"slices"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/nft"
)

// A position is the order of a chain relative to lvsmark's chain that sets marks.
type position int

const (
	beforeMarks  position = iota
	samePriority          // the chain that was created last runs first
	afterMarks
)

// A hookPoint is a base chain that packets of a flow pass.
type hookPoint struct {
	chain *chain
	stage
	position   position // for marks
	conditions []string // of all packets in the chain
}

// hookPoints returns the base chains of the tables that packets of the space pass, in
// their order.
func (s *space) hookPoints(tables []*table) []hookPoint {
	var list []hookPoint
	for _, t := range tables {
		if !t.meets(s.family) {
			continue
		}
		for _, c := range t.chains {
			if at, ok := s.flow.hookPoint(c); ok {
				list = append(list, at)
			}
		}
	}
	slices.SortFunc(list, func(a, b hookPoint) int {
		return cmp.Or(cmp.Compare(a.hook, b.hook), cmp.Compare(a.stage.priority, b.stage.priority), cmp.Compare(a.chain.Priority, b.chain.Priority),
			cmp.Compare(a.chain.table.Family, b.chain.table.Family), cmp.Compare(a.chain.table.Name, b.chain.table.Name), cmp.Compare(a.chain.Name, b.chain.Name))
	})
	return list
}

// equalOrders returns how many of the sorted list have the place of the first one in the order
// of the kernel.
func equalOrders(list []hookPoint) int {
	later := slices.IndexFunc(list, func(p hookPoint) bool {
		return p.stage != list[0].stage || p.chain.Priority != list[0].chain.Priority
	})
	if later < 0 {
		return len(list)
	}
	return later
}

// hookPoint returns the place of a base chain on the way of the flow; false: the packets
// do not pass it.
func (f flow) hookPoint(c *chain) (hookPoint, bool) {
	at, ok := stageOf(c)
	if !ok {
		return hookPoint{}, false
	}
	passes, perhaps := f.passes(c, at)
	p := hookPoint{chain: c, stage: at, position: f.position(at)}
	for _, device := range c.Devices {
		p.conditions = append(p.conditions, onDevice+device)
	}
	if perhaps {
		p.conditions = append(p.conditions, ipvsOrder)
	}
	return p, passes
}

// isActive reports whether the chain is one of those that translate sources with the
// priority of lvsmark's.
func (p hookPoint) isActive() bool {
	return p.chain.Type == "nat" && p.hook == postrouting && p.chain.Priority == nft.ActivePriority
}

// translated returns the packets that the kernel hands to the chain. Chains of type nat
// get the first packet of a connection only, and until one of them has translated it.
func (p hookPoint) translated(s *space, parts []part) []part {
	if p.chain.Type != "nat" {
		return parts
	}
	if s.flow == toServer && len(s.translations) == 0 { // without source-nat
		return nil
	}
	return slices.DeleteFunc(slices.Clone(parts), func(part part) bool {
		late := s.flow != toVIP && p.hook == postrouting && p.chain.Priority > nft.ActivePriority
		return s.flow.state(s.tracking, part.protocol, part.later) != stateNew || late && s.isTranslated(part)
	})
}

// natConditions adds conditions for packets without connection tracking, which the kernel
// does not hand to chains of type nat.
func (w *walk) natConditions(conditions []string) []string {
	if !w.isTracking() {
		conditions = append(slices.Clip(conditions), connectionTracking)
	}
	if w.changed.tracking {
		conditions = append(slices.Clip(conditions), afterNotrack)
	}
	return conditions
}

// isTracking reports whether the kernel surely tracks connections of the family. Chains of type
// nat do not make it do so: a rule that needs it does, wherever it is (nf_ct_netns_get of
// net/netfilter/nf_conntrack_proto.c). Other programs may, which nothing shows.
func (w *walk) isTracking() bool {
	family := w.space.family
	known, ok := w.tracking[family]
	if !ok {
		known = w.space.translates() || slices.ContainsFunc(w.tables, w.needsTracking)
		w.tracking[family] = known
	}
	return known
}

// needsTracking reports whether a rule of the table makes the kernel track connections of the
// family.
func (w *walk) needsTracking(t *table) bool {
	if t.Family != nft.Inet && t.Family != w.space.family {
		return false
	}
	for _, c := range t.Chains {
		if err := w.read(t.chains[c.Name]); err != nil {
			w.fail(err)
			return false
		}
		for _, r := range t.chains[c.Name].raw {
			for e := range r.All() {
				if needsTracking(e, t.Family, w.space.family) {
					return true
				}
			}
		}
	}
	return false
}

// needsTracking reports whether an expression makes the kernel track connections of the packets.
func needsTracking(e nft.Expression, table, packets nft.Family) bool {
	switch e.Name {
	case "ct", "masq", "redir", "connlimit", "synproxy":
		return true
	case "nat":
		typed, ok := e.Typed(table).(*expr.NAT)
		return ok && (typed.Family == uint32(packets) || typed.Family == uint32(nft.Inet))
	case "objref":
		typed, ok := e.Typed(table).(*expr.Objref)
		kind := ""
		if ok {
			kind = nft.ObjectKind(uint32(typed.Type))
		}
		return strings.HasPrefix(kind, "ct ") || kind == "connlimit" || kind == synproxyObject
	case "match":
		return slices.Contains([]string{"conntrack", "state", "connmark", "connbytes", "connlimit", "connlabel", "helper"}, e.Extension())
	case "target":
		return slices.Contains([]string{"DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP", "CONNMARK", "SYNPROXY"}, e.Extension())
	}
	return false
}

// stageOf returns the stage of a base chain. The kernel runs all nat chains at the
// priority of NAT; their own priority only orders them among each other.
func stageOf(c *chain) (stage, bool) {
	if c.Type == "" {
		return stage{}, false
	}
	if c.table.Family == nft.Netdev {
		hook := ingress
		if c.Hook != nft.NetdevIngress {
			hook = egress
		}
		return stage{hook, c.Priority}, true
	}
	hooks := map[uint32]int32{
		nft.HookIngress: ingress, nft.HookPrerouting: prerouting, nft.HookInput: inputOrForward,
		nft.HookForward: inputOrForward, nft.HookOutput: output, nft.HookPostrouting: postrouting,
	}
	hook, ok := hooks[c.Hook]
	at := stage{hook, c.Priority}
	switch c.table.Family {
	case nft.Inet, nft.IPv4, nft.IPv6:
	default:
		return at, false
	}
	switch {
	case c.Type != "nat":
	case hook == prerouting || hook == output:
		at.priority = nft.PriorityNATDest
	default:
		at.priority = nft.PriorityNATSource
	}
	return at, ok
}

// position returns the order of a chain relative to lvsmark's marks. Only packets to VIPs
// get one.
func (f flow) position(at stage) position {
	switch {
	case f == toServer:
		return afterMarks
	case f != toVIP || at.hook == ingress || at.hook == prerouting && at.priority < nft.PriorityMangle:
		return beforeMarks
	case at.hook == prerouting && at.priority == nft.PriorityMangle:
		return samePriority
	}
	return afterMarks
}

// withMarks returns the parts with the mark that their packets have at the position:
// none before lvsmark's chain, the cluster's after it. lvsmark leaves the mark of packets
// without one from it as it is: none, unless another rule has set it.
func (w *walk) withMarks(at position, parts []part) []part {
	marked := slices.Clone(parts)
	none, unknown := &marking{}, &marking{unknown: true}
	for i := range marked {
		unmarked := w.space.unmarked(marked[i])
		switch {
		case unmarked && w.markedByOther, at == samePriority && !unmarked:
			marked[i].mark = unknown
		case unmarked, at == beforeMarks:
			marked[i].mark = none
		default:
			marked[i].mark = marked[i].clusters
		}
	}
	return marked
}

// unmarked reports whether lvsmark gives the packets of a cluster no mark, as they are not
// the first of their connections.
func (s *space) unmarked(p part) bool { return s.firstOnly && p.later }
