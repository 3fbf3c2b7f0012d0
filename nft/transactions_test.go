package nft

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// messageNames are the messages that transactions contain.
var messageNames = map[uint16]string{
	unix.NFT_MSG_NEWTABLE: "add", unix.NFT_MSG_DELTABLE: "delete", unix.NFT_MSG_NEWSET: "add", unix.NFT_MSG_DELSET: "delete",
	unix.NFT_MSG_NEWCHAIN: "add", unix.NFT_MSG_DELCHAIN: "delete", unix.NFT_MSG_NEWRULE: "add", unix.NFT_MSG_DELRULE: "delete",
	unix.NFT_MSG_NEWSETELEM: "add", unix.NFT_MSG_DELSETELEM: "delete", unix.NFT_MSG_NEWOBJ: "add", unix.NFT_MSG_DELOBJ: "delete",
}

// described returns the messages of each transaction, without conditions of rules.
func described(d *Difference) (transactions [][]string) {
	for _, messages := range d.transactions() {
		var lines []string
		for _, m := range messages {
			object, _, _ := strings.Cut(m.object, ":")
			lines = append(lines, messageNames[m.typ]+" "+object)
		}
		transactions = append(transactions, lines)
	}
	return transactions
}

// markTable returns a table with a map for each name, its VIPs 192.0.2.N with the mark 21,
// and a rule that looks it up.
func markTable(maps map[string][]byte) *Table {
	t := &Table{Family: IPv4, Name: "t", Chains: []*Chain{{Name: "c", Type: "filter", Hook: HookPrerouting}}}
	names := make([]string, 0, len(maps))
	for name := range maps {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s := hashMap(name, "", IPv4, typeMark, 4)
		for _, n := range maps[name] {
			s.Elements = append(s.Elements, Element{Key: elementKey([]byte{192, 0, 2, n}), Rest: valueRest(markBytes(21))})
		}
		t.Sets = append(t.Sets, s)
		rule := newRule(IPv4).daddr().lookup(name).setMark().rule()
		rule.Handle = uint64(len(t.Sets))
		t.Chains[0].Rules = append(t.Chains[0].Rules, rule)
	}
	return t
}

func rulesetOf(tables ...*Table) *Ruleset { return &Ruleset{Tables: tables} }

// TestPhases: what previous rules look up is deleted in a transaction of its own, after the
// one that switches the rules.
func TestPhases(t *testing.T) {
	withCounter := func(table *Table) *Table {
		table.Unmanaged = []Unmanaged{{Kind: "counter", Name: "n", typ: 1}}
		return table
	}
	withBound := func(table *Table, marks ...uint32) *Table {
		ledger := Ledger{Bound: map[BoundMark]string{}}
		for _, m := range marks {
			ledger.Bound[BoundMark{IPv4.ofSpec(), m}] = "cluster"
		}
		table.setLedger(ledger)
		return table
	}
	one := map[string][]byte{"a": {1}}
	for name, c := range map[string]struct {
		from, to *Ruleset
		want     [][]string
	}{
		"equal": {rulesetOf(markTable(one)), rulesetOf(markTable(one)), nil},
		"elements": {
			rulesetOf(markTable(map[string][]byte{"a": {1, 2}})), rulesetOf(markTable(map[string][]byte{"a": {2, 3}})),
			[][]string{{"add elements of map ip t a", "delete elements of map ip t a"}},
		},
		"VIP moved to another map": {
			rulesetOf(markTable(map[string][]byte{"a": {1, 2}, "b": {3}})), rulesetOf(markTable(map[string][]byte{"a": {1}, "b": {2, 3}})),
			[][]string{{"add elements of map ip t b"}, {"delete elements of map ip t a"}},
		},
		"VIP moved to an earlier map": {
			rulesetOf(markTable(map[string][]byte{"a": {1}, "b": {2, 3}})), rulesetOf(markTable(map[string][]byte{"a": {1, 2}, "b": {3}})),
			[][]string{{"add elements of map ip t a"}, {"delete elements of map ip t b"}},
		},
		"map replaced by another": {
			rulesetOf(markTable(one)), rulesetOf(markTable(map[string][]byte{"b": {1}})),
			[][]string{
				{"add map ip t b", "add elements of map ip t b", "delete rule ip t c", "add rule ip t c"},
				{"delete map ip t a"},
			},
		},
		"only a rule": {
			rulesetOf(markTable(one)), rulesetOf(func() *Table { t := markTable(one); t.Chains[0].Rules = nil; return t }()),
			[][]string{{"delete rule ip t c"}},
		},
		"counter deleted": {
			rulesetOf(withCounter(markTable(one))), rulesetOf(markTable(map[string][]byte{"a": {1, 2}})),
			[][]string{{"add elements of map ip t a"}, {"delete counter ip t n"}},
		},
		"counter added": {
			rulesetOf(markTable(map[string][]byte{"a": {1, 2}})), rulesetOf(withCounter(markTable(one))),
			[][]string{{"add counter ip t n"}, {"delete elements of map ip t a"}},
		},
		"another mark": { // a set that rules look up never changes a value: a lookup could find none
			rulesetOf(markTable(one)), rulesetOf(func() *Table {
				t := markTable(one)
				t.Sets[0].Elements[0].Rest = valueRest(markBytes(22))
				return t
			}()),
			[][]string{
				{"add map ip t a-next", "add elements of map ip t a-next", "delete rule ip t c", "add rule ip t c"},
				{"delete map ip t a", "add map ip t a", "add elements of map ip t a", "delete rules of chain ip t c", "add rule ip t c"},
				{"delete map ip t a-next"},
			},
		},
		"ledger": {
			rulesetOf(withBound(markTable(one), 1, 2)), rulesetOf(withBound(markTable(one), 2, 3)),
			[][]string{{"add elements of set ip t bound", "delete elements of set ip t bound"}},
		},
		"ledger created": {
			rulesetOf(markTable(map[string][]byte{"a": {1, 2}})), rulesetOf(withBound(markTable(one), 2)),
			[][]string{{"add set ip t bound", "add elements of set ip t bound", "delete elements of map ip t a"}},
		},
		"ledger deleted": {
			rulesetOf(withBound(markTable(one), 2)), rulesetOf(markTable(one)),
			[][]string{{"delete set ip t bound"}},
		},
		"table renamed": {
			rulesetOf(markTable(one)), rulesetOf(func() *Table { t := markTable(one); t.Name = "u"; return t }()),
			[][]string{{"add table ip u", "add chain ip u c", "add map ip u a", "add elements of map ip u a", "add rule ip u c"}, {"delete table ip t"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := Compare(c.from, c.to)
			assert.Equal(t, c.want, described(d))
			assert.Equal(t, c.want == nil, d.Empty())
			assert.Equal(t, len(c.want) == 1, d.IsAtomic())
		})
	}
}

// TestAnonymousSetNames: a rule has the names of its anonymous sets, and of those in its anonymous
// chains.
func TestAnonymousSetNames(t *testing.T) {
	of := func(name string) *Rule { return &Rule{anonymous: anonymous{sets: []*Set{{Name: name}}}} }
	rule := of("__set0")
	rule.anonymous.chains = []*Chain{{Name: "__chain0", Rules: []*Rule{{}, of("__set1")}}}
	table := &Table{Name: "t", Sets: []*Set{{Name: "s"}}, Chains: []*Chain{{Name: "c", Rules: []*Rule{rule}}}}
	for name, want := range map[string]bool{"s": true, "__set0": true, "__set1": true, "__set2": false, "__chain0": false} {
		assert.Equal(t, want, table.hasSet(name), name)
	}
	assert.False(t, (&Table{Chains: []*Chain{{Rules: []*Rule{{}}}}}).hasSet("s"))
}

// TestTemporaryNamesFree: the copy of a table or set gets a name that neither state has.
func TestTemporaryNamesFree(t *testing.T) {
	plain := func(name string) *Table { return &Table{Family: IPv4, Name: name} }
	for _, c := range []struct {
		tables []*Table
		want   string
	}{
		{[]*Table{plain("t")}, "t-next"},
		{[]*Table{plain("t"), plain("t-next")}, "t-next2"},
		{[]*Table{plain("t"), plain("t-next2")}, "t-next"},
		{[]*Table{plain("t-next"), plain("t-next2")}, "t-next3"},
		{[]*Table{{Family: IPv6, Name: "t-next"}}, "t-next"},
	} {
		assert.Equal(t, c.want, temporaryName(rulesetOf(c.tables...), plain("t")))
	}
	foreign := &Ruleset{foreign: []TableName{{IPv4, "t-next"}, {IPv6, "t-next2"}}}
	assert.Equal(t, "t-next2", temporaryName(foreign, plain("t")))
	long := strings.Repeat("n", maxName-1)
	withSets := func(names ...string) *Table {
		table := plain("t")
		for _, name := range names {
			table.Sets = append(table.Sets, &Set{Name: name})
		}
		return table
	}
	for _, c := range []struct {
		old, next []string
		want      map[string]string
	}{
		{[]string{"a"}, []string{"a"}, map[string]string{"a": "a-next"}},
		{[]string{"a", "a-next"}, []string{"a"}, map[string]string{"a": "a-next2"}},
		{[]string{"a"}, []string{"a", "a-next"}, map[string]string{"a": "a-next2", "a-next": "a-next-next"}},
		{[]string{"a", "a-next"}, []string{"a", "a-next2"}, map[string]string{"a": "a-next3", "a-next2": "a-next2-next"}},
		{nil, []string{long + "x", long + "y"}, map[string]string{long + "x": long[:250] + "-next", long + "y": long[:249] + "-next2"}},
		{[]string{"a", boundSet, settingsSet}, []string{"a", boundSet, settingsSet}, map[string]string{"a": "a-next"}},
	} {
		d := &tableDifference{old: withSets(c.old...), next: withSets(c.next...)}
		assert.Equal(t, c.want, d.temporaryNames(d.next.Sets), "%v to %v", c.old, c.next)
	}
}

// TestWaits: a commit of several transactions waits before each of them, also before the
// first; a single transaction does not wait.
func TestWaits(t *testing.T) {
	for name, c := range map[string]struct {
		to   *Table
		want []string
	}{
		"one transaction":  {markTable(map[string][]byte{"a": {1, 2}}), []string{"commit"}},
		"two transactions": {markTable(map[string][]byte{"b": {1}}), []string{"wait", "commit", "wait", "commit"}},
		"none":             {markTable(map[string][]byte{"a": {1}}), nil},
	} {
		var calls []string
		conn := &Conn{
			nl: netlink.Fake(func(m netlink.Message) netlink.Answer {
				if m.Type == unix.NFNL_MSG_BATCH_END {
					calls = append(calls, "commit")
				}
				return netlink.Answer{}
			}),
			wait: func() { calls = append(calls, "wait") },
		}
		from := markTable(map[string][]byte{"a": {1}})
		after, err := conn.Commit(Compare(rulesetOf(from), rulesetOf(c.to)), ^uint32(0))
		require.NoError(t, err, name)
		assert.Equal(t, c.want, calls, name)
		commits := len(slices.DeleteFunc(slices.Clone(calls), func(call string) bool { return call == "wait" }))
		assert.Equal(t, []uint32{^uint32(0), 1, 2}[commits], after, "the kernel skips generation 0")
	}
}

// TestRefusedTransaction: the error names the object and the transaction.
func TestRefusedTransaction(t *testing.T) {
	conn := &Conn{
		nl: netlink.Fake(func(m netlink.Message) netlink.Answer {
			if m.Type == unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_DELSET {
				return netlink.Answer{Errno: unix.EBUSY}
			}
			return netlink.Answer{}
		}),
		wait: func() {},
	}
	d := Compare(rulesetOf(markTable(map[string][]byte{"a": {1}})), rulesetOf(markTable(map[string][]byte{"b": {1}})))
	after, err := conn.Commit(d, 7)
	assert.EqualError(t, err, fmt.Sprintf("nftables transaction 2 of 2: kernel refuses map ip t a: %v", unix.EBUSY))
	assert.Equal(t, uint32(8), after)
}
