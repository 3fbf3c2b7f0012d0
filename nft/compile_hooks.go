package nft

import (
	"github.com/lvsmark/lvsmark/config"
)

// Names of the base chains in which lvsmark marks packets.
const (
	preroutingChain = "prerouting"
	inputChain      = "input"
	outputChain     = "output"
)

// KeepPriority is the priority of the chain that sets marks once more, in the input hook:
// right before IPVS schedules at NF_IP_PRI_NAT_SRC - 1 (net/netfilter/ipvs/ip_vs_core.c).
const KeepPriority = PriorityNATSource - 2

// A marking is the rules that mark the packets of a table.
type marking struct {
	rules []*Rule
	only  config.Protocol // of all ports; 0: there are several
	first bool            // they are for packets that may begin a connection
}

// compileHooks adds the base chains that mark packets: one in prerouting, and those of
// further hooks, with the same rules.
func compileHooks(t *Table, d config.Director, m marking) {
	m.addChain(t, &Chain{
		Name: preroutingChain, Hook: HookPrerouting, Priority: PriorityMangle,
		Comment: "a fwmark for each packet of a cluster", Rules: m.rules,
	})
	if d.KeepMarks {
		m.addChain(t, &Chain{
			Name: inputChain, Hook: HookInput, Priority: KeepPriority,
			Comment: "the same marks once more, right before IPVS", Rules: cloneRules(m.rules),
		})
	}
	if d.LocalClients {
		m.addChain(t, &Chain{
			Name: outputChain, Hook: HookOutput, Priority: PriorityMangle,
			Comment: "the same marks for packets of the director", Rules: localRules(t.Family, m.rules, m.only),
		})
	}
}

// addChain adds a base chain. If only first packets get a mark, its rules are in a chain of
// their own, to which the base chain sends these packets.
func (m marking) addChain(t *Table, base *Chain) {
	base.Type, base.Policy = "filter", verdictAccept
	if m.first {
		first := &Chain{Name: base.Name + firstSuffix, Comment: "packets that may begin a connection", Rules: base.Rules}
		base.Rules = firstPacketRules(t.Family, m.only, first.Name)
		t.Chains = append(t.Chains, first)
	}
	t.Chains = append(t.Chains, base)
}

// setsMarks reports whether the chain is one of those in which lvsmark marks packets.
func (c *Chain) setsMarks() bool {
	if c.Type != "filter" {
		return false
	}
	switch c.Hook {
	case HookPrerouting:
		return true
	case HookInput:
		return c.Priority == KeepPriority
	}
	return c.Hook == HookOutput && c.Priority == PriorityMangle
}

func cloneRules(rules []*Rule) []*Rule {
	list := make([]*Rule, len(rules))
	for i, r := range rules {
		rule := *r
		list[i] = &rule
	}
	return list
}

// localRules returns the rules for packets that programs of the director send. There, the
// socket of a packet is that of its sender, so another rule accepts the answers of the
// director's own servers: to any SYN+ACK whose destination may be the port of a client. IPVS
// would begin a connection with them; see answerRule. The chain is not of type route: IPVS
// finds its own route, and packets that IPVS sends to real servers with direct forwarding
// must keep theirs.
func localRules(family Family, marks []*Rule, only config.Protocol) []*Rule {
	rules := cloneRules(marks)
	for i, r := range rules {
		if r.Comment == answerComment {
			rules[i] = localAnswerRule(family, only)
		}
	}
	return rules
}

func localAnswerRule(family Family, only config.Protocol) *Rule {
	b := newRule(family).tcpFlagsAreNone(tcpACK, tcpSYN, tcpPSH|tcpACK).tcpFlagsInclude(tcpSYN).tcpFlagsInclude(tcpACK)
	clients := config.PortRange{Protocol: config.TCP, Low: firstClientPort, High: 65535}
	if only == 0 {
		b.dport(clients)
	} else {
		b.anyDport(clients)
	}
	r := b.accept().rule()
	r.Comment = "answers of the director to connections from a VIP"
	return r
}
