package impact

import (
	"slices"

	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/nft"
)

// A ruleKind is what a deleted rule did to packets.
type ruleKind uint8

const (
	noRule          ruleKind = iota // the change deletes no rule
	ruleMarks                       // a mark rule of lvsmark; see vipMarks
	ruleTranslates                  // a translation rule of lvsmark; see translations
	ruleSourceNAT                   // a rule of source-nat of lvsmark; see sourceNATKeys
	rulePassThrough                 // firewall.PassThrough
	ruleVerdict                     // firewall.Verdict
	ruleOpaque                      // firewall.Opaque
)

func kindOf(t *nft.Table, r *nft.Rule) ruleKind {
	switch {
	case marksPackets(t, r):
		return ruleMarks
	case isTranslation(t, r):
		return ruleTranslates
	case isSourceNAT(t, r):
		return ruleSourceNAT
	case t.IsAnswerRule(r): // deleted only with the rules that mark its packets
		return rulePassThrough
	}
	return map[firewall.RuleKind]ruleKind{
		firewall.PassThrough: rulePassThrough, firewall.Verdict: ruleVerdict, firewall.Opaque: ruleOpaque,
	}[firewall.KindOf(t.Family, r)]
}

func isTranslation(t *nft.Table, r *nft.Rule) bool {
	_, ok := t.TranslationRule(r)
	return ok
}

func isSourceNAT(t *nft.Table, r *nft.Rule) bool {
	_, ok := t.SourceNATRule(r)
	return ok
}

// marksPackets reports whether the rule has a form that lvsmark makes for marks.
func marksPackets(t *nft.Table, r *nft.Rule) bool {
	if _, ok := t.MarkRule(r); ok {
		return true
	}
	if _, ok := t.PortMarkRule(r); ok {
		return true
	}
	if _, ok := t.GotoRule(r); ok {
		return true
	}
	if _, ok := t.FirstPacketRule(r); ok {
		return true
	}
	_, ok := t.ProtocolRule(r)
	return ok && slices.ContainsFunc(t.MarkChains(), func(c *nft.Chain) bool { return slices.Contains(t.MarkRules(c), r) })
}
