package impact

import (
	"slices"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/nft"
)

// A ruleKind is what a rule that is deleted did to packets.
type ruleKind uint8

const (
	noRule          ruleKind = iota // the change deletes no rule
	ruleMarks                       // a rule that lvsmark makes; vipMarks has what it does
	ruleTranslates                  // a rule that lvsmark makes; translations has what it does
	rulePassThrough                 // nothing: the rule matches, counts, logs
	ruleVerdict                     // it marked packets, or ended their way through the chain
	ruleOpaque                      // it may have done anything
)

func kindOf(t *nft.Table, r *nft.Rule) ruleKind {
	switch {
	case marksPackets(t, r):
		return ruleMarks
	case isTranslation(t, r):
		return ruleTranslates
	}
	kind := rulePassThrough
	for e := range r.All() {
		kind = max(kind, kindOfExpression(e, t.Family))
	}
	return kind
}

func isTranslation(t *nft.Table, r *nft.Rule) bool {
	_, ok := t.TranslationRule(r)
	return ok
}

// marksPackets reports whether marksOf understands the rule.
func marksPackets(t *nft.Table, r *nft.Rule) bool {
	if _, ok := t.MarkRule(r); ok {
		return true
	}
	if _, ok := t.GotoRule(r); ok {
		return true
	}
	_, ok := t.ProtocolRule(r)
	return ok && slices.ContainsFunc(t.MarkChains(), func(c *nft.Chain) bool { return slices.Contains(c.Rules, r) })
}

// kindOfExpression is ruleOpaque where the expression has no typed view, but for
// those that only compare, compute or count.
func kindOfExpression(e nft.Expression, f nft.Family) ruleKind {
	switch e.Name {
	case "cmp", "bitwise", "byteorder", "range", "counter", "limit", "log", "quota":
		return rulePassThrough
	}
	switch typed := e.Typed(f).(type) {
	case *expr.Verdict:
		switch typed.Kind {
		case expr.VerdictAccept, expr.VerdictDrop, expr.VerdictReturn:
			return ruleVerdict
		}
		return ruleOpaque
	case *expr.Immediate:
		return ruleVerdict
	case *expr.Meta:
		return kindOfWrite(typed.SourceRegister, typed.Key == expr.MetaKeyMARK)
	case *expr.Ct:
		return kindOfWrite(typed.SourceRegister, false)
	case *expr.Payload:
		return kindOfWrite(typed.OperationType == expr.PayloadWrite, false)
	case *expr.Lookup:
		return kindOfWrite(typed.IsDestRegSet && typed.DestRegister == verdictRegister, false)
	}
	if _, fills := e.Fills(); fills && e.Name == "ct" {
		return rulePassThrough
	}
	return ruleOpaque
}

// verdictRegister is NFT_REG_VERDICT of linux/netfilter/nf_tables.h.
const verdictRegister = 0

// kindOfWrite is the kind of an expression that may change packets.
func kindOfWrite(writes, mark bool) ruleKind {
	switch {
	case !writes:
		return rulePassThrough
	case mark:
		return ruleVerdict
	}
	return ruleOpaque
}
