package firewall

import (
	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// An exactTable translates one table for packets of one family.
type exactTable struct {
	*table
	*reader
	config *oldconfig.Config
	family config.Family
	chain  *oldconfig.Chain
	line   oldconfig.Line // of the current rule
	err    error

	helpers map[string]string // by the name of the object; nil: not read yet
}

// helper returns the helper of connection tracking that a rule assigns.
func (x *exactTable) helper(s helperAssignment) string {
	if s.object == "" {
		return s.name
	}
	if x.helpers == nil && x.err == nil {
		x.helpers, x.err = x.source.Helpers(x.Table)
	}
	return x.helpers[s.object]
}

// A ruleTranslator translates the steps of a rule.
type ruleTranslator struct {
	*exactTable
	answers map[int]value // of maps, by slot
	byAddr  map[int][]oldconfig.MarkOf
}

func (b *ruleTranslator) new() *oldconfig.Rule { return &oldconfig.Rule{Line: b.line} }

func notUnderstood(text string) oldconfig.Match {
	return oldconfig.Match{Field: oldconfig.NotUnderstood, Text: text}
}

// verdictAction translates a verdict.
func verdictAction(kind expr.VerdictKind, chain string) oldconfig.Action {
	const codeMask = 0xff // NF_VERDICT_MASK
	switch {
	case kind == expr.VerdictAccept:
		return oldconfig.Action{Kind: oldconfig.Accept}
	case kind == expr.VerdictDrop, kind > 0 && kind&codeMask == expr.VerdictQueue:
		return oldconfig.Action{Kind: oldconfig.Drop}
	case kind == expr.VerdictReturn:
		return oldconfig.Action{Kind: oldconfig.Return}
	case kind == expr.VerdictJump:
		return oldconfig.Action{Kind: oldconfig.Jump, Chain: chain}
	case kind == expr.VerdictGoto:
		return oldconfig.Action{Kind: oldconfig.Goto, Chain: chain}
	case kind == expr.VerdictContinue:
		return oldconfig.Action{Kind: oldconfig.NoEffect}
	}
	return oldconfig.Action{Kind: oldconfig.Opaque, Text: "verdict"}
}
