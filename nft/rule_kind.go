package nft

import (
	"net/netip"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// A RuleKind is what a rule does, as far as the package can tell.
type RuleKind uint8

// The roles of rules.
const (
	RuleMarks       RuleKind = iota + 1 // a rule that lvsmark makes: what it does is in Marks
	RuleTranslates                      // a rule that lvsmark makes: what it does is in Translations
	RulePassThrough                     // does nothing to any packet: counts, logs
	RuleVerdict                         // marks packets, or ends their way through the chain
	RuleOpaque                          // may do anything
)

// ruleKind reads the rule's expressions.
func (t *Table) ruleKind(r *Rule) RuleKind {
	if _, ok := t.markTest(r); ok {
		return RuleMarks
	}
	if _, ok := t.vipSwitch(r); ok {
		return RuleMarks
	}
	if _, ok := t.onlyProtocol(r); ok && slices.ContainsFunc(t.Chains, func(c *Chain) bool { return c.marks() && slices.Contains(c.Rules, r) }) {
		return RuleMarks
	}
	if _, ok := t.translation(r); ok {
		return RuleTranslates
	}
	ruleKind := RulePassThrough
	for e := range r.All() {
		ruleKind = max(ruleKind, e.ruleKind(t.Family))
	}
	return ruleKind
}

func (e Expression) ruleKind(f Family) RuleKind {
	switch e.Name {
	case "cmp", "bitwise", "byteorder", "range", "counter", "limit", "log", "quota":
		return RulePassThrough
	}
	switch typed := e.Typed(f).(type) {
	case *expr.Verdict:
		switch typed.Kind {
		case expr.VerdictAccept, expr.VerdictDrop, expr.VerdictReturn:
			return RuleVerdict
		}
		return RuleOpaque
	case *expr.Immediate:
		return RuleVerdict
	case *expr.Meta:
		return kindOfWrite(typed.SourceRegister, typed.Key == expr.MetaKeyMARK)
	case *expr.Ct:
		return kindOfWrite(typed.SourceRegister, false)
	case *expr.Payload:
		return kindOfWrite(typed.OperationType == expr.PayloadWrite, false)
	case *expr.Lookup:
		return kindOfWrite(typed.IsDestRegSet && typed.DestRegister == unix.NFT_REG_VERDICT, false)
	}
	if _, fills := e.Fills(); fills && e.Name == "ct" {
		return RulePassThrough
	}
	return RuleOpaque
}

// kindOfWrite is the kind of an expression that may change packets.
func kindOfWrite(writes, mark bool) RuleKind {
	switch {
	case !writes:
		return RulePassThrough
	case mark:
		return RuleVerdict
	}
	return RuleOpaque
}

// A markTest is a rule that gives packets to its ports the mark that a map has
// for their VIP.
type markTest struct {
	ports   []config.PortRange // the same of several protocols
	within  netip.Prefix       // that the VIP has to be of; invalid: no matter
	set     *Set
	accepts bool
}

// onlyProtocol returns the protocol of the packets that go on behind the rule.
func (t *Table) onlyProtocol(r *Rule) (config.Protocol, bool) {
	steps := t.steps(r)
	if len(steps) != 1 || steps[0].does != accepting {
		return 0, false
	}
	for _, p := range []config.Protocol{config.TCP, config.UDP} {
		asks := steps[0].asked()
		if asks.takeProtocol(p, true) && len(asks) == 0 {
			return p, true
		}
	}
	return 0, false
}

func (t *Table) markTest(r *Rule) (markTest, bool) {
	steps := t.steps(r)
	accepts := len(steps) == 2 && len(steps[1].asks) == 0 && steps[1].does == accepting
	if len(steps) != 1 && !accepts {
		return markTest{}, false
	}
	asks := steps[0].asked()
	set, ok := asks.takeSet(t, destinationOf(t.Family))
	if !ok || !set.hasVIPs() || set.DataType != typeMark ||
		steps[0].does != markStatement(set, destinationOf(t.Family)) {
		return markTest{}, false
	}
	test := markTest{within: asks.takeNetwork(t.Family), set: set, accepts: accepts}
	test.ports, ok = asks.takePorts(destinationPort)
	return test, ok && len(asks) == 0
}

// A vipSwitch is a rule that sends VIPs to chains by a verdict map.
type vipSwitch struct {
	within netip.Prefix // as that of a markTest
	set    *Set
}

func (t *Table) vipSwitch(r *Rule) (vipSwitch, bool) {
	steps := t.steps(r)
	if len(steps) != 1 {
		return vipSwitch{}, false
	}
	for _, set := range t.Sets {
		if steps[0].does == verdictStatement(set, destinationOf(t.Family)) && set.hasVIPs() && set.DataType == typeVerdict {
			asks := steps[0].asked()
			return vipSwitch{asks.takeNetwork(t.Family), set}, len(asks) == 0
		}
	}
	return vipSwitch{}, false
}

// A translation is a rule that gives active data from a port another source.
type translation struct {
	port uint16
	set  *Set // of sources
}

func (t *Table) translation(r *Rule) (translation, bool) {
	steps := t.steps(r)
	if len(steps) != 1 {
		return translation{}, false
	}
	asks := steps[0].asked()
	set, ok := asks.takeSet(t, sourceOf(t.Family))
	if !ok || set.KeyType != addrType(t.Family) ||
		steps[0].does != masquerading && steps[0].does != snatStatement(set, sourceOf(t.Family)) {
		return translation{}, false
	}
	ports, ok := asks.takePorts(sourcePort)
	if !ok || len(asks) > 0 || len(ports) != 1 || ports[0].Protocol != config.TCP || ports[0].Width() > 1 {
		return translation{}, false
	}
	return translation{ports[0].Low, set}, true
}

// steps are those of the rule's meaning; none where it is not known.
func (t *Table) steps(r *Rule) []step {
	m, _ := t.meaning(r)
	return m.steps
}
