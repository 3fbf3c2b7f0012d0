package nft

import (
	"net/netip"

	"github.com/lvsmark/lvsmark/config"
)

// A packet that IPVS sends to a real server passes the output and postrouting hooks with its
// mark and with the address of the real server. With net.ipv4.vs.conntrack, connection
// tracking knows its connection with the address of the VIP (ip_vs_update_conntrack of
// net/netfilter/ipvs/ip_vs_nfct.c). So the first packet of a connection meets the chain of
// type nat, and the kernel translates the later ones and the replies without it.
//
// Both the mark and the address of the real server are compared: other packets of the
// director to a real server have no mark, and packets with the mark of a cluster that another
// program sends elsewhere are not for a real server.

const sourceNATChain = "source_nat"

// A sourceNAT is the connections of one family that get the same kind of source address.
type sourceNAT struct {
	marks   []uint32
	servers []netip.Prefix // may contain duplicates
}

// compileSourceNAT adds the translation of the source address of packets that IPVS sends to
// the real servers: for each kind a set of marks, a set of real servers and one rule.
func compileSourceNAT(t *Table, spec *config.Spec) {
	kinds := map[config.SourceNAT]*sourceNAT{}
	for _, b := range spec.Bindings(t.Family.ofSpec()) {
		to := b.Cluster.SourceNAT
		if to == config.NoSourceNAT {
			continue
		}
		if kinds[to] == nil {
			kinds[to] = &sourceNAT{}
		}
		kinds[to].marks = append(kinds[to].marks, b.Mark)
		for _, s := range config.ServersBy(config.NAT, b.RealServers) {
			kinds[to].servers = append(kinds[to].servers, netip.PrefixFrom(s.Address, s.Address.BitLen()))
		}
	}
	if len(kinds) == 0 {
		return
	}
	chain := &Chain{
		Name: sourceNATChain, Type: "nat", Hook: HookPostrouting, Priority: ActivePriority,
		Policy: verdictAccept, Comment: "connections to real servers come from the director",
	}
	for _, to := range []config.SourceNAT{config.SourceNATMasquerade, config.SourceNATToVIP} {
		if k := kinds[to]; k != nil {
			marks, servers := markSet(to.String()+"_marks", k.marks), sourceSet(t.Family, to.String()+"_servers", "real servers", k.servers)
			t.Sets = append(t.Sets, marks, servers)
			chain.Rules = append(chain.Rules, sourceNATRule(t.Family, to, marks.Name, servers.Name))
		}
	}
	t.Chains = append(t.Chains, chain)
}

func sourceNATRule(family Family, to config.SourceNAT, marks, servers string) *Rule {
	b := newRule(family).mark().in(marks).daddr().in(servers)
	if to == config.SourceNATToVIP {
		return b.originalDaddr().snat().rule()
	}
	return b.masquerade().rule()
}

func markSet(name string, marks []uint32) *Set {
	s := &Set{Name: name, Comment: "fwmarks with source-nat", KeyType: typeMark, KeyLen: 4, KeyHost: true, Size: sizeFor(len(marks))}
	for _, m := range marks {
		s.Elements = append(s.Elements, Element{Key: elementKey(markBytes(m))})
	}
	sortElements(s)
	return s
}
