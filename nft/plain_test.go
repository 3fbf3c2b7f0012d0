package nft

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// TestPlainTable: a table is plain if all its rules are of a known form, or have the expressions
// of a rule of the next table; without other attributes, anonymous sets and objects.
func TestPlainTable(t *testing.T) {
	byHand := expressionList([]Expression{{Name: "log", Data: "\x08\x00\x01\x00abcd"}})
	table := func(rules ...*Rule) *Table {
		return &Table{Family: IPv4, Name: "t", Sets: []*Set{{Name: "s"}}, Chains: []*Chain{{Name: "c", Rules: rules}}}
	}
	known, next := newRule(IPv4).protocolIsNot(6).accept().rule(), table(&Rule{Expressions: byHand})
	other := []netlink.Attribute{{Type: unknown, Data: []byte{1}}}
	for name, c := range map[string]struct {
		table, next *Table
		want        bool
	}{
		"no rules":                          {table(), nil, true},
		"a known form":                      {table(known), nil, true},
		"by hand":                           {table(known, &Rule{Expressions: byHand}), nil, false},
		"by hand, as in the next table":     {table(known, &Rule{Expressions: byHand}), next, true},
		"by hand, with another attribute":   {table(&Rule{Expressions: byHand, rest: other}), next, false},
		"by hand, with an anonymous set":    {table(&Rule{Expressions: byHand, anonymous: anonymous{sets: []*Set{{}}}}), next, false},
		"another one than the next has":     {table(&Rule{Expressions: expressionList([]Expression{{Name: "log", Data: "\x08\x00\x01\x00efgh"}})}), next, false},
		"a known form, another attribute":   {table(&Rule{Expressions: known.Expressions, rest: other}), nil, false},
		"an object":                         {&Table{Unmanaged: []Unmanaged{{Kind: "counter"}}}, nil, false},
		"a set with a timeout":              {&Table{Sets: []*Set{{Flags: unix.NFT_SET_TIMEOUT}}}, nil, false},
		"a chain with another attribute":    {&Table{Chains: []*Chain{{rest: other}}}, nil, false},
		"a map of intervals and a chain":    {&Table{Sets: []*Set{{Flags: unix.NFT_SET_MAP | unix.NFT_SET_INTERVAL}}, Chains: []*Chain{{}}}, nil, true},
		"a chain with the device of a hook": {&Table{Chains: []*Chain{{Devices: []string{"lo"}}}}, nil, false},
	} {
		assert.Equal(t, c.want, c.table.isPlain(c.next), name)
	}
}
