package nft

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// The functions of this file leave out what packets change: the values of counters, quotas
// and dynamic sets. Rules, elements and sets that differ only in them are equal.

// isVolatile reports whether packets or time change the elements of the set.
func (s *Set) isVolatile() bool { return s.Flags&(unix.NFT_SET_EVAL|unix.NFT_SET_TIMEOUT) != 0 }

// stableExpressions returns the expressions of the rule without values that packets change.
func (r *Rule) stableExpressions() string { return r.rewrite(Expression.stable) }

func (e Expression) stable() Expression {
	const quotaConsumed, quotaPad = 4, 3
	switch e.Name {
	case "counter", "last":
		e.Data = ""
	case "quota":
		var data []byte
		for typ, content := range netlink.Attributes(e.Data) {
			if typ != quotaConsumed && typ != quotaPad {
				data = netlink.AppendAttribute(data, typ, content)
			}
		}
		e.Data = string(data)
	}
	return e
}

// sameRest reports whether two elements are equal apart from their keys.
func sameRest(a, b string) bool { return a == b || stableRest(a) == stableRest(b) }

// stableRest returns the Rest of an element without values that packets change.
func stableRest(rest string) string {
	const expression, expressions = 7, 11 // NFTA_SET_ELEM_EXPR, NFTA_SET_ELEM_EXPRESSIONS
	var b []byte
	for typ, data := range netlink.Attributes(rest) {
		switch typ {
		case expression:
			data = expressionList([]Expression{readExpression(data).stable()})
		case expressions:
			data = (&Rule{Expressions: data}).stableExpressions()
		}
		b = netlink.AppendAttribute(b, typ, data)
	}
	return string(b)
}

// content returns a text that identifies a rule with its anonymous sets and chains, whose
// names differ each time that the kernel creates them. It is not for users.
func (t *Table) content(r *Rule) string {
	var b strings.Builder
	b.WriteString(r.rewrite(func(e Expression) Expression {
		set, chain := e.references()
		if s := r.anonymous.set(set); set != "" && s != nil {
			e = e.withSet(s.pattern(), 0)
		}
		if c := r.anonymous.chain(chain); chain != "" && c != nil {
			e = e.withChainID(0)
		}
		return e.stable()
	}))
	for _, s := range r.anonymous.sets {
		fmt.Fprintf(&b, "%q %d %d %d %d %d %d %v", s.pattern(), s.Flags, s.KeyType, s.DataType, s.KeyLen, s.DataLen, s.Size, s.rest)
		for _, e := range s.Elements {
			if !s.isVolatile() {
				fmt.Fprintf(&b, "%q %q", e.Key, stableRest(e.Rest))
			}
		}
	}
	for _, c := range r.anonymous.chains {
		for _, inner := range t.identities(c.Rules) {
			fmt.Fprintf(&b, "%q", inner)
		}
	}
	return b.String()
}
