package nft

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A plain object has the form of the objects that lvsmark writes, so the kernel accepts it
// again. Other objects were added by hand, and the kernel may refuse them.

// isPlain reports whether all objects of the table are plain. Rules with the expressions of a
// rule of next, which may be nil, are: to compare is faster than to find out their meaning.
func (t *Table) isPlain(next *Table) bool {
	known := map[string]bool{}
	if next != nil {
		for _, c := range next.Chains {
			for _, r := range c.Rules {
				known[r.Expressions] = true
			}
		}
	}
	isPlain := func(r *Rule) bool {
		return known[r.Expressions] && r.anonymous.isEmpty() && len(r.rest) == 0 || t.isPlainRule(r)
	}
	return len(t.Unmanaged) == 0 &&
		!slices.ContainsFunc(t.Sets, func(s *Set) bool { return !s.isPlain() }) &&
		!slices.ContainsFunc(t.Chains, func(c *Chain) bool {
			return !c.isPlain() || slices.ContainsFunc(c.Rules, func(r *Rule) bool { return !isPlain(r) })
		})
}

func (s *Set) isPlain() bool {
	return s.Flags&^(unix.NFT_SET_MAP|unix.NFT_SET_INTERVAL) == 0 && len(s.rest) == 0
}

func (c *Chain) isPlain() bool { return len(c.rest) == 0 && len(c.Devices) == 0 && c.Flags == 0 }

func (t *Table) isPlainRule(r *Rule) bool {
	_, known := t.meaning(r)
	return known && r.anonymous.isEmpty() && len(r.rest) == 0
}

func (o Object) isPlain() bool {
	switch {
	case o.Unmanaged != nil:
		return false
	case o.Set != nil:
		return o.Set.isPlain()
	case o.Rule != nil:
		return o.Table.isPlainRule(o.Rule)
	case o.Chain != nil:
		return o.Chain.isPlain()
	}
	return true
}

// is reports whether the object is the origin of a message.
func (o Object) is(origin any) bool {
	switch origin := origin.(type) {
	case *Set:
		return o.Set == origin
	case *Chain:
		return o.Chain == origin && o.Rule == nil
	case *Rule:
		return o.Rule == origin
	case *Unmanaged:
		return o.Unmanaged == origin
	}
	return false
}

// name returns the name of the object in errors of the kernel, see message.
func (o Object) name() string {
	switch {
	case o.Unmanaged != nil:
		return o.Table.unmanagedName(*o.Unmanaged)
	case o.Set != nil:
		return o.Table.setName(o.Set)
	case o.Rule != nil:
		return o.Table.ruleName(o.Chain, o.Rule)
	case o.Chain != nil:
		return o.Table.chainName(o.Chain)
	}
	return o.Table.String()
}

// without returns the ruleset without the objects that are not plain and that match,
// and without the rules and maps that need them. It returns the names of what it left out.
func (r *Ruleset) without(match func(Object) bool) (*Ruleset, []string) {
	reduced := &Ruleset{foreign: r.foreign}
	var lost []string
	for _, t := range r.Tables {
		table, names := t.without(match)
		reduced.Tables = append(reduced.Tables, table)
		lost = append(lost, names...)
	}
	return reduced, lost
}

func (t *Table) without(match func(Object) bool) (*Table, []string) {
	w := remover{table: *t, match: match, sets: map[string]bool{}, chains: map[string]bool{}, objects: map[string]bool{}}
	w.table.Unmanaged = nil
	for i := range t.Unmanaged {
		if u := &t.Unmanaged[i]; !w.removes(Object{Table: t, Unmanaged: u}, w.objects, u.Name) {
			w.table.Unmanaged = append(w.table.Unmanaged, *u)
		}
	}
	w.table.Chains = slices.DeleteFunc(slices.Clone(t.Chains), func(c *Chain) bool {
		return w.removes(Object{Table: t, Chain: c}, w.chains, c.Name)
	})
	w.table.Sets = slices.DeleteFunc(slices.Clone(t.Sets), func(s *Set) bool {
		return w.removes(Object{Table: t, Set: s}, w.sets, s.Name) || w.removesDependent(s)
	})
	for i, c := range w.table.Chains {
		kept := *c
		kept.Rules = slices.DeleteFunc(slices.Clone(c.Rules), func(r *Rule) bool {
			return w.removes(Object{Table: t, Chain: c, Rule: r}, nil, "") || w.removesRule(c, r)
		})
		w.table.Chains[i] = &kept
	}
	return &w.table, w.lost
}

// A remover removes objects from a table.
type remover struct {
	table                 Table
	match                 func(Object) bool
	sets, chains, objects map[string]bool // removed, by name
	lost                  []string
}

// removes reports whether the object itself is removed, and records that.
func (w *remover) removes(o Object, removed map[string]bool, name string) bool {
	if o.isPlain() || !w.match(o) {
		return false
	}
	if removed != nil {
		removed[name] = true
	}
	w.lost = append(w.lost, o.name())
	return true
}

// removesDependent reports whether an element of the map refers to a removed chain or
// object.
func (w *remover) removesDependent(s *Set) bool {
	const objectReference = 9 // NFTA_SET_ELEM_OBJREF
	for _, e := range s.Elements {
		needs := w.chains[e.Answer().Chain]
		for typ, data := range netlink.Attributes(e.Rest) {
			needs = needs || typ == objectReference && w.objects[attribute{data: []byte(data)}.text()]
		}
		if needs {
			w.sets[s.Name] = true
			w.lost = append(w.lost, w.table.setName(s))
			return true
		}
	}
	return false
}

// removesRule reports whether the rule refers to a removed set, chain or object.
func (w *remover) removesRule(c *Chain, r *Rule) bool {
	if !w.needsRemoved(r) {
		return false
	}
	w.lost = append(w.lost, w.table.ruleName(c, r))
	return true
}

func (w *remover) needsRemoved(r *Rule) bool {
	for e := range r.All() {
		set, chain := e.references()
		object, _ := e.attribute(unix.NFTA_OBJREF_IMM_NAME)
		flowtable, _ := e.attribute(nftaFlowTableName)
		switch {
		case w.sets[set] && r.anonymous.set(set) == nil, w.chains[chain]:
			return true
		case e.Name == "objref" && w.objects[attribute{data: []byte(object)}.text()],
			e.Name == "flow_offload" && w.objects[attribute{data: []byte(flowtable)}.text()]:
			return true
		}
	}
	return slices.ContainsFunc(r.anonymous.sets, w.removesDependent) || slices.ContainsFunc(r.anonymous.chains, func(c *Chain) bool {
		return slices.ContainsFunc(c.Rules, w.needsRemoved)
	})
}

// nftaFlowTableName is NFTA_FLOW_TABLE_NAME of linux/netfilter/nf_tables.h.
const nftaFlowTableName = 1

// onLoopback returns the ruleset with flowtables on the loopback device: a temporary network
// namespace has no other device.
func (r *Ruleset) onLoopback() *Ruleset {
	moved := &Ruleset{}
	for _, t := range r.Tables {
		table := *t
		table.Unmanaged = slices.Clone(t.Unmanaged)
		for i, u := range t.Unmanaged {
			if u.Kind == flowtable {
				table.Unmanaged[i].raw = onLoopback(u.raw)
			}
		}
		moved.Tables = append(moved.Tables, &table)
	}
	return moved
}

func onLoopback(attributes []netlink.Attribute) []netlink.Attribute {
	const hook, devices = 3, 3 // NFTA_FLOWTABLE_HOOK, NFTA_FLOWTABLE_HOOK_DEVS
	moved := slices.Clone(attributes)
	for i, a := range attributes {
		if a.Type&^netlink.AttributeFlags != hook {
			continue
		}
		var data []byte
		for typ, content := range netlink.Attributes(a.Data) {
			if typ == devices && len(content) > 0 {
				content = netlink.AppendText(nil, nftaDeviceName, "lo")
			}
			data = netlink.AppendAttribute(data, typ, content)
		}
		moved[i].Data = data
	}
	return moved
}
