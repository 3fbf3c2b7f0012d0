package nft

import (
	"github.com/lvsmark/lvsmark/config"
)

const (
	inputChain  = "input"
	outputChain = "output"
)

// KeepPriority is the priority of the chain that sets marks once more, in the input hook:
// right before IPVS schedules at NF_IP_PRI_NAT_SRC - 1 (net/netfilter/ipvs/ip_vs_core.c).
const KeepPriority = PriorityNATSource - 2

// compileFurtherHooks adds the chains that mark packets in other hooks than prerouting, with
// the same rules. only is the protocol of all ports, or 0.
func compileFurtherHooks(t *Table, d config.Director, only config.Protocol) {
	marks := t.Chain(preroutingChain).Rules
	if d.KeepMarks {
		t.Chains = append(t.Chains, &Chain{
			Name: inputChain, Type: "filter", Hook: HookInput, Priority: KeepPriority,
			Policy: verdictAccept, Comment: "the same marks once more, right before IPVS", Rules: cloneRules(marks),
		})
	}
	if d.LocalClients {
		t.Chains = append(t.Chains, &Chain{
			Name: outputChain, Type: "filter", Hook: HookOutput, Priority: PriorityMangle,
			Policy: verdictAccept, Comment: "the same marks for packets of the director", Rules: localRules(t.Family, marks, only),
		})
	}
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
