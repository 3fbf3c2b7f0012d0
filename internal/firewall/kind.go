package firewall

import (
	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/nft"
)

// A RuleKind is what a rule can do to packets, by its expressions. Each kind can do more
// than the kind before it.
type RuleKind uint8

// The kinds of rules.
const (
	PassThrough RuleKind = iota // changes nothing: the rule matches, counts or logs
	Verdict                     // sets the mark or a verdict
	Opaque                      // can do anything
)

// KindOf returns the kind of a rule in a table of the family. Expressions that only
// compare, compute or count are PassThrough; other expressions without a typed form make
// the rule Opaque.
func KindOf(f nft.Family, r *nft.Rule) RuleKind {
	kind := PassThrough
	for e := range r.All() {
		kind = max(kind, kindOf(e, f))
	}
	return kind
}

func kindOf(e nft.Expression, f nft.Family) RuleKind {
	switch e.Name {
	case "cmp", "bitwise", "byteorder", "range", "counter", "limit", "log", "quota":
		return PassThrough
	}
	switch typed := e.Typed(f).(type) {
	case *expr.Verdict:
		switch typed.Kind {
		case expr.VerdictAccept, expr.VerdictDrop, expr.VerdictReturn:
			return Verdict
		}
		return Opaque
	case *expr.Immediate:
		return Verdict
	case *expr.Meta:
		return kindOfWrite(typed.SourceRegister, typed.Key == expr.MetaKeyMARK)
	case *expr.Ct:
		return kindOfWrite(typed.SourceRegister, false)
	case *expr.Payload:
		return kindOfWrite(typed.OperationType == expr.PayloadWrite, false)
	case *expr.Lookup:
		return kindOfWrite(typed.IsDestRegSet && typed.DestRegister == verdictRegister, false)
	}
	if _, fills := e.DestRegister(); fills && e.Name == "ct" {
		return PassThrough
	}
	return Opaque
}

// verdictRegister is NFT_REG_VERDICT of linux/netfilter/nf_tables.h.
const verdictRegister = 0

// kindOfWrite returns the kind of an expression that can change packets.
func kindOfWrite(writes, mark bool) RuleKind {
	switch {
	case !writes:
		return PassThrough
	case mark:
		return Verdict
	}
	return Opaque
}
