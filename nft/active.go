package nft

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
)

const postroutingChain = "postrouting"

// activeSources are the sources of active data connections from one source port.
type activeSources struct {
	masqueraded []netip.Prefix // may contain duplicates
	toVIP       map[netip.Prefix]netip.Addr
}

// ActivePriority is the priority of the chain that translates active data. It is just before
// srcnat, which other programs use: the kernel translates by the first nat chain with a
// matching rule, and at equal priority the order of creation decides which is first.
const ActivePriority = PriorityNATSource - 1

// compileActiveData adds the source address translation of connections that real servers
// open (PORT and EPRT of FTP): for each source port a set or a map of sources, and one
// rule.
func compileActiveData(t *Table, spec *config.Spec) {
	byPort := activeByPort(spec, t.Family.ofSpec())
	if len(byPort) == 0 {
		return
	}
	chain := &Chain{
		Name: postroutingChain, Type: "nat", Hook: HookPostrouting, Priority: ActivePriority,
		Policy: verdictAccept, Comment: "active data comes from the director",
	}
	for _, port := range slices.Sorted(maps.Keys(byPort)) {
		from := config.PortRange{Protocol: config.TCP, Low: port, High: port}
		if sources := byPort[port].masqueraded; len(sources) > 0 {
			s := sourceSet(t.Family, fmt.Sprintf("masquerade_%d", port), "real servers", sources)
			t.Sets = append(t.Sets, s)
			chain.Rules = append(chain.Rules, newRule(t.Family).saddr().in(s.Name).sport(from).masquerade().rule())
		}
		if vips := byPort[port].toVIP; len(vips) > 0 {
			s := sourceMap(t.Family, fmt.Sprintf("snat_%d", port), vips)
			t.Sets = append(t.Sets, s)
			chain.Rules = append(chain.Rules, newRule(t.Family).sport(from).saddr().lookup(s.Name).snat().rule())
		}
	}
	t.Chains = append(t.Chains, chain)
}

func activeByPort(spec *config.Spec, family config.Family) map[uint16]*activeSources {
	byPort := map[uint16]*activeSources{}
	for i := range spec.Clusters {
		cluster := &spec.Clusters[i]
		vips := cluster.VIPsOf(family)
		if len(vips) == 0 || cluster.FTP == nil || cluster.FTP.Active == nil {
			continue
		}
		active := cluster.FTP.Active
		for _, port := range active.Ports {
			for _, source := range active.Sources {
				if config.FamilyOf(source.Addr()) == family {
					addSource(byPort, port, source, active.Translate, vips[0].First)
				}
			}
		}
	}
	return byPort
}

func addSource(byPort map[uint16]*activeSources, port uint16, source netip.Prefix, to config.Translation, vip netip.Addr) {
	if to == config.NoTranslation {
		return
	}
	if byPort[port] == nil {
		byPort[port] = &activeSources{toVIP: map[netip.Prefix]netip.Addr{}}
	}
	if to == config.Masquerade {
		byPort[port].masqueraded = append(byPort[port].masqueraded, source)
	} else {
		byPort[port].toVIP[source] = vip
	}
}

func sourceMap(family Family, name string, vips map[netip.Prefix]netip.Addr) *Set {
	s := hashMap(name, "real server : VIP", family, addrType(family), addrLen(family))
	s.addSources(withoutNested(slices.Collect(maps.Keys(vips))), func(p netip.Prefix) string { return valueRest(vips[p].AsSlice()) })
	return s
}
