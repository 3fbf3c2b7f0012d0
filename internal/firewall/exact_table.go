package firewall

import (
	"cmp"
	"slices"

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

// assigned returns the actions of an assignment of helpers of connection tracking, one for each
// helper.
func (x *exactTable) assigned(s helperAssignment) (list []oldconfig.Action) {
	names := []string{s.name}
	switch {
	case s.object != "":
		names[0] = x.objectHelper(s.object)
	case s.objects != "" && x.objectMap(s.objects, synproxyObject) != nil:
		return []oldconfig.Action{{Kind: oldconfig.Opaque, Text: "a proxy of a map"}}
	case s.objects != "":
		names = x.mapHelpers(s.objects)
	}
	for _, name := range names {
		list = append(list, oldconfig.Action{Kind: oldconfig.NoEffect, AssignsHelper: true, Helper: name})
	}
	return list
}

// objectHelper returns the helper of an object; empty: the table has no such object any more.
func (x *exactTable) objectHelper(object string) string {
	if x.helpers == nil && x.err == nil {
		x.helpers, x.err = x.source.Helpers(x.Table)
	}
	return x.helpers[object]
}

// objectMap returns the map if its objects are of the kind; nil: they are not, or there is none.
func (x *exactTable) objectMap(name, kind string) *set {
	s, err := x.set(x.table, name)
	x.err = cmp.Or(x.err, err)
	if err != nil || s == nil || s.head.ObjectKind() != kind {
		return nil
	}
	return s
}

// mapHelpers returns the helpers of a map of objects, sorted; none if its objects are of another
// kind.
func (x *exactTable) mapHelpers(name string) (helpers []string) {
	s := x.objectMap(name, ctHelper)
	if s == nil {
		return nil
	}
	var objects []string
	for e, err := range x.source.Elements(x.Table, s.head) {
		if err != nil {
			x.err = cmp.Or(x.err, err)
			return nil
		}
		objects = append(objects, e.Object())
	}
	for _, object := range objects {
		helpers = append(helpers, x.objectHelper(object))
	}
	slices.Sort(helpers)
	return slices.Compact(helpers)
}

// ctHelper is the kind of objects that have a helper of connection tracking.
const ctHelper = "ct helper"

// synproxyObject is the kind of objects that proxy connections.
const synproxyObject = "synproxy"

// A ruleTranslator translates the steps of a rule.
type ruleTranslator struct {
	*exactTable
	answers map[int]value // of maps, by slot
	byAddr  map[int][]oldconfig.MarkOf
	reads   oldconfig.Reads // of the rule
}

func (b *ruleTranslator) new() *oldconfig.Rule { return &oldconfig.Rule{Line: b.line} }

// notUnderstood returns a match that may depend on all that the rule loads.
func (b *ruleTranslator) notUnderstood(text string) oldconfig.Match {
	m := notUnderstood(text)
	m.Reads = b.reads
	return m
}

func notUnderstood(text string) oldconfig.Match {
	return oldconfig.Match{Field: oldconfig.NotUnderstood, Text: text}
}

// nextHeader limits a match of the first next header of IPv6 to what holds for all packets: with
// extension headers, it is not the protocol (RFC 8200, 4).
func (o *origin) nextHeader(protocols []oldconfig.Match, t test) []oldconfig.Match {
	depends := notUnderstood("ip6 nexthdr is not the protocol of packets with extension headers; meta l4proto is")
	const hopByHop, routing, fragment, authentication, destinationOptions = 0, 43, 44, 51, 60 // IPPROTO_*
	for _, extension := range []byte{hopByHop, routing, fragment, authentication, destinationOptions} {
		if t.holds(bitwise(o.mask, o.xor)([]byte{extension})) {
			return []oldconfig.Match{depends}
		}
	}
	return append(protocols, depends)
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
