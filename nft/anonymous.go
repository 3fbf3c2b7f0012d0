package nft

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// Attributes missing in golang.org/x/sys/unix, from linux/netfilter/nf_tables.h.
const (
	nftaChainID     = 11
	nftaRuleChainID = 11
	nftaVerdictID   = 3 // NFTA_VERDICT_CHAIN_ID
)

// chainBinding is NFT_CHAIN_BINDING: the chain belongs to the rule that jumps to it.
const chainBinding = 4

// An anonymous has the anonymous sets and chains of a rule: those of "tcp dport { 21, 80 }"
// and of "jump { counter; drop; }". lvsmark writes none; rules added by hand have them. The
// kernel creates and deletes them with the rule, and names most of them itself.
type anonymous struct {
	sets   []*Set
	chains []*Chain
}

func (a anonymous) isEmpty() bool { return len(a.sets) == 0 && len(a.chains) == 0 }

// takeAnonymous removes anonymous sets from the table and returns them.
func (t *Table) takeAnonymous() []*Set {
	var taken []*Set
	t.Sets = slices.DeleteFunc(t.Sets, func(s *Set) bool {
		if !s.IsAnonymous() {
			return false
		}
		taken = append(taken, s)
		return true
	})
	return taken
}

// bindAnonymous moves anonymous chains from the table to their rules, and adds the
// anonymous sets to theirs. It numbers both, because a transaction that creates them again
// identifies them by number.
func (t *Table) bindAnonymous(sets []*Set) {
	all := anonymous{sets: sets}
	var named []*Chain
	for _, c := range t.Chains {
		if c.Flags&chainBinding != 0 {
			all.chains = append(all.chains, c)
		} else {
			named = append(named, c)
		}
	}
	if all.isEmpty() {
		return
	}
	id := uint32(t.Family)<<24 | 1<<23 // setID has the numbers below
	for _, s := range all.sets {
		id++
		s.id = id
	}
	for _, c := range all.chains {
		id++
		c.id = id
	}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			r.anonymous = all.of(r)
		}
	}
	t.Chains = named
}

// IsAnonymous reports whether the set belongs to a rule.
func (s *Set) IsAnonymous() bool { return s.Flags&unix.NFT_SET_ANONYMOUS != 0 }

// WithElements returns a copy of the set with those elements, sorted.
func (s *Set) WithElements(elements []Element) *Set {
	other := *s
	other.Elements = elements
	if !other.isInterval() || other.RangesArePairs() {
		sortElements(&other)
	}
	return &other
}

// SetNames returns the names of the sets to which the rule refers.
func (r *Rule) SetNames() (names []string) {
	for e := range r.All() {
		if name, _ := e.references(); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// WithSets returns a copy of a rule from Conn.Rules with its anonymous sets, for Text.
func (r *Rule) WithSets(sets []*Set) *Rule {
	other := *r
	other.anonymous.sets = sets
	return &other
}

// of returns the objects that the rule refers to.
func (a anonymous) of(r *Rule) (of anonymous) {
	for e := range r.All() {
		set, chain := e.references()
		if i := slices.IndexFunc(a.sets, func(s *Set) bool { return s.Name == set }); i >= 0 {
			of.sets = append(of.sets, a.sets[i])
		}
		if i := slices.IndexFunc(a.chains, func(c *Chain) bool { return c.Name == chain }); i >= 0 {
			of.chains = append(of.chains, a.chains[i])
		}
	}
	return of
}

func (a anonymous) set(name string) *Set { return (&Table{Sets: a.sets}).Set(name) }

func (a anonymous) chain(name string) *Chain { return (&Table{Chains: a.chains}).Chain(name) }

// hasSet reports whether the rule, or a rule in one of its anonymous chains, has an
// anonymous set of that name. A meter has a name that the operator chose.
func (a anonymous) hasSet(name string) bool {
	return a.set(name) != nil || slices.ContainsFunc(a.chains, func(c *Chain) bool {
		return slices.ContainsFunc(c.Rules, func(r *Rule) bool { return r.anonymous.hasSet(name) })
	})
}

// A setReference is the attributes by which an expression refers to a set.
type setReference struct{ name, id uint16 }

var setReferences = map[string]setReference{
	"lookup": {unix.NFTA_LOOKUP_SET, unix.NFTA_LOOKUP_SET_ID},
	"dynset": {unix.NFTA_DYNSET_SET_NAME, unix.NFTA_DYNSET_SET_ID},
	"objref": {4, 5}, // NFTA_OBJREF_SET_NAME, NFTA_OBJREF_SET_ID
}

// references returns the names of the set and of the chain to which the expression refers;
// empty: none.
func (e Expression) references() (set, chain string) {
	if attributes, ok := setReferences[e.Name]; ok {
		name, _ := e.attribute(attributes.name)
		return strings.TrimRight(name, "\x00"), ""
	}
	if e.Name == "immediate" {
		data, _ := e.attribute(unix.NFTA_IMMEDIATE_DATA)
		_, chain, _ = dataVerdict(data)
	}
	return "", chain
}

// ObjectMap returns the name of the map that has the stateful object for a key (objref); empty:
// the expression is another one.
func (e Expression) ObjectMap() string {
	if e.Name != "objref" {
		return ""
	}
	set, _ := e.references()
	return set
}

// withSet returns the expression with a reference to another set; id is its number in the
// transaction, or 0.
func (e Expression) withSet(name string, id uint32) Expression {
	attributes := setReferences[e.Name]
	var data []byte
	for typ, content := range netlink.Attributes(e.Data) {
		if typ == attributes.name {
			data = netlink.AppendText(data, typ, name)
			continue
		}
		data = netlink.AppendAttribute(data, typ, content)
	}
	if id != 0 {
		data = netlink.AppendBigEndian32(data, attributes.id, id)
	}
	e.Data = string(data)
	return e
}

// withChainID returns a verdict that leads to a chain by its number in the transaction.
func (e Expression) withChainID(id uint32) Expression {
	content, _ := e.attribute(unix.NFTA_IMMEDIATE_DATA)
	kind, _, _ := dataVerdict(content)
	verdict := netlink.AppendBigEndian32(nil, unix.NFTA_VERDICT_CODE, uint32(kind))
	verdict = netlink.AppendBigEndian32(verdict, nftaVerdictID, id)
	value := netlink.AppendAttribute(nil, unix.NLA_F_NESTED|unix.NFTA_DATA_VERDICT, verdict)
	data := netlink.AppendBigEndian32(nil, unix.NFTA_IMMEDIATE_DREG, unix.NFT_REG_VERDICT)
	e.Data = string(netlink.AppendAttribute(data, unix.NLA_F_NESTED|unix.NFTA_IMMEDIATE_DATA, value))
	return e
}

// rewrite returns the expressions of the rule, changed by f.
func (r *Rule) rewrite(f func(Expression) Expression) string {
	var list []Expression
	for e := range r.All() {
		list = append(list, f(e))
	}
	return expressionList(list)
}

// newExpressions returns the expressions that create the rule: they refer to its anonymous
// sets and chains by number, because the kernel gives them new names.
func (r *Rule) newExpressions() string {
	needed := !r.anonymous.isEmpty()
	for e := range r.All() {
		needed = needed || listedOnly[e.Name] != nil
	}
	if !needed {
		return r.Expressions
	}
	return r.rewrite(func(e Expression) Expression {
		e = e.acceptable()
		set, chain := e.references()
		if s := r.anonymous.set(set); set != "" && s != nil {
			return e.withSet(s.pattern(), s.id)
		}
		if c := r.anonymous.chain(chain); chain != "" && c != nil {
			return e.withChainID(c.id)
		}
		return e
	})
}

// listedOnly are attributes that the kernel lists as zero, but refuses in a new rule, by the
// name of the expression.
var listedOnly = map[string][]uint16{
	"dynset": {unix.NFTA_DYNSET_TIMEOUT},
	"exthdr": {unix.NFTA_EXTHDR_FLAGS},
	"osf":    {3}, // NFTA_OSF_FLAGS
}

// acceptable returns the expression in a form that the kernel accepts in a new rule.
func (e Expression) acceptable() Expression {
	omit, listed := listedOnly[e.Name]
	if !listed {
		return e
	}
	if e.Name == "exthdr" && e.number(unix.NFTA_EXTHDR_DREG)+e.number(nftaExthdrSreg) == 0 { // removes a TCP option
		omit = append(omit[:1:1], unix.NFTA_EXTHDR_OFFSET, unix.NFTA_EXTHDR_LEN)
	}
	var data []byte
	for typ, content := range netlink.Attributes(e.Data) {
		if !slices.Contains(omit, typ) || strings.Trim(content, "\x00") != "" {
			data = netlink.AppendAttribute(data, typ, content)
		}
	}
	e.Data = string(data)
	return e
}

// nftaExthdrSreg is NFTA_EXTHDR_SREG.
const nftaExthdrSreg = 7

// pattern returns the name with which the set is created. The kernel replaces "%d" by a
// free number.
func (s *Set) pattern() string {
	prefix := strings.TrimRight(s.Name, "0123456789")
	if s.id == 0 || !strings.HasPrefix(s.Name, "__") || prefix == s.Name {
		return s.Name
	}
	return prefix + "%d"
}

// createRule returns the messages that create a rule with its anonymous sets and chains.
// Errors name the rule.
func (t *Table) createRule(c *Chain, r *Rule, before uint64) []message {
	rule := t.newRule(c, r, before)
	if r.anonymous.isEmpty() {
		return []message{rule}
	}
	var messages []message
	for _, s := range r.anonymous.sets {
		messages = append(messages, t.newSet(s, s.id))
		messages = append(messages, t.newElements(s, s.Elements)...)
	}
	for _, inner := range r.anonymous.chains {
		messages = append(messages, t.newChain(inner))
		for _, r := range inner.Rules {
			messages = append(messages, t.createRule(inner, r, 0)...)
		}
	}
	for i := range messages {
		messages[i].object, messages[i].origin = rule.object, rule.origin
	}
	return append(messages, rule)
}

// chainText returns the name of a chain, or the rules of an anonymous chain.
func (p *rulePrinter) chainText(name string) string {
	c := p.anonymous.chain(name)
	if c == nil {
		return name
	}
	var text strings.Builder
	for _, r := range c.Rules {
		text.WriteString(r.Text(p.family) + "; ")
	}
	return "{ " + text.String() + "}"
}
