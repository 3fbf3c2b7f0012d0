package nft

import (
	"cmp"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// tableComment tells lvsmark's tables from others; see owned.
const (
	tableComment = commentMark + " compiled from a spec; change that, not this"
	commentMark  = "lvsmark:"
)

// Names in the tables.
const (
	vipsMap          = "vips"
	preroutingChain  = "prerouting"
	postroutingChain = "postrouting"
)

// Compile returns the tables that say in nftables what the spec says: one for
// each family that a cluster serves. It needs no kernel.
func Compile(spec *config.Spec) *Ruleset {
	r := &Ruleset{}
	for _, family := range config.Families() {
		profiles := profilesOf(spec, family)
		if len(profiles) == 0 {
			continue
		}
		t := &Table{Family: familyOf(family), Name: spec.Director.Table, Comment: tableComment}
		compileMarks(t, profiles)
		compileActiveData(t, spec)
		compileLedger(t, spec, len(r.Tables) == 0)
		r.Tables = append(r.Tables, t)
	}
	return r
}

// compileMarks adds the maps from VIP to mark and the chain that asks them. The
// port is tested ahead of the VIP, for nearly every packet is of one or of none of
// our ports; then comes one look-up, whatever the number of VIPs. Answers to
// clients, which most other packets are, have an address far from all VIPs.
func compileMarks(t *Table, profiles []*profile) {
	for _, p := range profiles {
		t.Sets = append(t.Sets, markMap(t.Family, p))
	}
	prerouting := &Chain{
		Name: preroutingChain, Type: "filter", Hook: HookPrerouting, Priority: PriorityMangle,
		Policy: verdictAccept, Comment: "a fwmark for each packet of a cluster",
	}
	only := protocolOf(profiles)
	if only != 0 {
		prerouting.Rules = append(prerouting.Rules, newRule(t.Family).protocolIsNot(only).accept().rule())
	}
	if isSequential(profiles) {
		prerouting.Rules = append(prerouting.Rules, markRules(t.Family, profiles, only, true)...)
		t.Chains = append(t.Chains, prerouting)
		return
	}
	vips := hashMap(vipsMap, "VIP : chain of its ports", t.Family, typeVerdict, 0)
	for _, s := range groupVIPs(profiles) {
		t.Chains = append(t.Chains, &Chain{Name: s.name, Rules: markRules(t.Family, s.profiles, only, false)})
		for _, vip := range s.vips {
			vips.Elements = append(vips.Elements, Element{Key: elementKey(vip.AsSlice()), Rest: gotoRest(s.name)})
		}
	}
	vips.Size = sizeFor(len(vips.Elements))
	sortElements(vips)
	t.Sets = append(t.Sets, vips)
	toVIPs := newRule(t.Family).within(networkOfAll(profiles))
	prerouting.Rules = append(prerouting.Rules, toVIPs.daddr().vmap(vipsMap).rule())
	t.Chains = append(t.Chains, prerouting)
}

// isSequential says whether packets try one profile after the other. Otherwise they
// find theirs by their VIP: where there are many, and where two have a range of
// ports in common, whose packets would be looked up twice.
func isSequential(profiles []*profile) bool {
	switch len(profiles) {
	case 1:
		return true
	case 2:
		return !profiles[0].sharesRange(profiles[1])
	}
	return false
}

func markMap(family Family, p *profile) *Set {
	s := hashMap(p.name, "VIP : fwmark", family, typeMark, 4)
	s.Elements = make([]Element, len(p.vips))
	for i, v := range p.vips {
		s.Elements[i] = Element{Key: elementKey(v.vip.AsSlice()), Rest: valueRest(markBytes(v.mark))}
	}
	s.Size = sizeFor(len(s.Elements))
	return s
}

// maxRulesBeforeRange is how many rules for narrower ports may come ahead of the widest
// range. Each costs its packets a comparison or, when it asks for the protocol too,
// two; to end the chain behind a rule that comes first costs as much as about four.
const maxRulesBeforeRange = 4

// markRules are the rules of the profiles. Of most packets are those of data
// connections, so the widest range comes last, behind which nothing is tested any
// more, or first when much would come ahead of it. When the chain is for packets to
// any address, rules for a range ask for the network of the VIPs first.
func markRules(family Family, profiles []*profile, only config.Protocol, anyAddress bool) []*Rule {
	type test struct {
		ports config.PortRange
		of    *profile
	}
	var tests []test
	for _, p := range profiles {
		for _, r := range p.ports {
			tests = append(tests, test{r, p})
		}
	}
	first := only == 0 || len(tests) > maxRulesBeforeRange+1
	slices.SortStableFunc(tests, func(a, b test) int {
		if first {
			a, b = b, a
		}
		return cmp.Compare(a.ports.Width(), b.ports.Width())
	})
	rules := make([]*Rule, len(tests))
	for i, t := range tests {
		b := newRule(family)
		if anyAddress && t.ports.Width() > 1 {
			b.within(t.of.network())
		}
		if only != 0 {
			b.anyDport(t.ports)
		} else {
			b.dport(t.ports)
		}
		b.daddr().lookup(t.of.name).setMark()
		if first && i < len(tests)-1 {
			b.accept()
		}
		rules[i] = b.rule()
	}
	return rules
}

func hashMap(name, comment string, family Family, dataType, dataLen uint32) *Set {
	return &Set{
		Name: name, Comment: comment, Flags: unix.NFT_SET_MAP,
		KeyType: addrType(family), KeyLen: addrLen(family),
		DataType: dataType, DataLen: dataLen, DataHost: hostOrder(dataType),
	}
}

// sizeFor is the bound of a map of n elements. The kernel takes a bound for the
// number of buckets, refuses elements beyond it and cannot change it: so there
// is room for as many again, and for small maps for a thousand.
func sizeFor(n int) uint32 {
	size := uint32(1024)
	for int(size) < 2*n {
		size *= 2
	}
	return size
}
