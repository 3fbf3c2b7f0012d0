package nft

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/nftables/userdata"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

const detailSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21], ftp: {active-data: {source: 10.0.0.0/24}}, real-servers: [{address: 10.0.0.11}]}
  - {name: web, mark: 80, vips: [198.51.100.22], ports: [80], real-servers: [{address: 10.0.0.11}]}
  - {name: dns, mark: 53, vips: [198.51.100.22], ports: [udp/53], real-servers: [{address: 10.0.0.11}]}
director: {sysctls: {net.ipv4.ip_default_ttl: 64}}
`

// detailRuleset returns a compiled ruleset, a new one with each call.
func detailRuleset(t *testing.T) *Ruleset {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(detailSpec))
	require.NoError(t, err)
	r := Compile(spec)
	for _, t := range r.Tables {
		for _, s := range t.Sets {
			sortElements(s)
		}
	}
	return r
}

// assertDistinct asserts that no two texts of the changes are equal, where one is before
// and the other after a change of the same object.
func assertDistinct(t *testing.T, changes []Change) {
	t.Helper()
	type place struct{ kind, where, text string }
	deleted := map[place]bool{}
	for _, c := range changes {
		if c.Op == Delete {
			deleted[place{c.Kind(), c.Where(), c.BeforeText()}] = true
		}
	}
	for _, c := range changes {
		assert.NotEqual(t, c.BeforeText(), c.AfterText(), "%s %s of %s", c.Op, c.Kind(), c.Where())
		if c.Op == Add {
			assert.False(t, deleted[place{c.Kind(), c.Where(), c.AfterText()}], "deleted and added: %s %s", c.Kind(), c.AfterText())
		}
	}
}

// TestDistinctFields changes each field of each object: the diff has a change, and shows
// what differs.
func TestDistinctFields(t *testing.T) {
	want := detailRuleset(t)
	changed := 0
	objects := func(r *Ruleset) (list []any) {
		for _, t := range r.Tables {
			list = append(list, t)
			for _, s := range t.Sets {
				list = append(list, s)
			}
			for _, c := range t.Chains {
				list = append(list, c)
				for _, r := range c.Rules {
					list = append(list, r)
				}
			}
		}
		return list
	}
	for i, object := range objects(want) {
		typ := reflect.TypeOf(object).Elem()
		for f := range typ.NumField() {
			have := detailRuleset(t)
			if !alter(objects(have)[i], f) {
				continue
			}
			changed++
			t.Run(fmt.Sprintf("%d %s %s", i, typ.Name(), typ.Field(f).Name), func(t *testing.T) {
				for _, changes := range [][]Change{Compare(have, want).Changes(), Compare(want, have).Changes()} {
					assert.NotEmpty(t, changes)
					assertDistinct(t, changes)
				}
			})
		}
	}
	assert.Greater(t, changed, 100)
}

// alter changes a field of an object; false for fields with parts of the object, and for
// those that do not count.
func alter(object any, field int) bool {
	attribute := []netlink.Attribute{{Type: 99, Data: []byte("x")}}
	name := reflect.TypeOf(object).Elem().Field(field).Name
	if name == "rest" {
		switch o := object.(type) {
		case *Set:
			o.rest = attribute
		case *Chain:
			o.rest = attribute
		case *Rule:
			o.rest = attribute
		}
		return true
	}
	value := reflect.ValueOf(object).Elem().Field(field)
	if !value.CanInterface() {
		return false // not part of the comparison
	}
	switch value.Interface().(type) {
	case uint32:
		value.SetUint(value.Uint() ^ 0x100)
	case int32:
		value.SetInt(value.Int() + 1)
	case bool:
		value.SetBool(!value.Bool())
	case []string:
		value.Set(reflect.ValueOf([]string{"eth0"}))
	case string:
		if name == "Expressions" {
			value.SetString(value.String() + expressionList([]Expression{{Name: "unknown", Data: "\x08\x00\x01\x00abcd"}}))
			return true
		}
		value.SetString(value.String() + "x")
	default:
		return false
	}
	return true
}

// TestDistinguished: of a rule and of an element, the first difference is shown; of other
// objects, all are.
func TestDistinguished(t *testing.T) {
	rule := func(data string) *Rule {
		return &Rule{Expressions: expressionList([]Expression{{Name: "a", Data: data}, {Name: "b", Data: data}})}
	}
	table, set := &Table{Family: IPv4, Name: "t"}, &Set{Name: "s"}
	for want, c := range map[string][2]Object{
		"x (expression a 0x31); x (expression a 0x32)": {{Table: table, Rule: rule("1")}, {Table: table, Rule: rule("2")}},
		"x (no userdata); x (userdata 0x630107)": {
			{Table: table, Set: set, Element: &Element{Key: "k"}}, {Table: table, Set: set, Element: &Element{Key: "k", Rest: userdataRest([]byte{99, 1, 7})}},
		},
		"x (no comment, flags 0x0); x (comment \"c\", flags 0x1)": {{Table: table, Set: set}, {Table: table, Set: &Set{Name: "s", Comment: "c", Flags: 1}}},
		"x (in another place); x (in its place)":                  {{Table: table, Rule: rule("1")}, {Table: table, Rule: rule("1")}},
		"x (in another form); x (in the form of lvsmark)":         {{Table: table, Set: set}, {Table: table, Set: set}},
	} {
		before, after := distinguished(c[0], c[1], "x", "x")
		assert.Equal(t, want, before+"; "+after)
	}
	before, after := distinguished(Object{}, Object{}, "x", "y")
	assert.Equal(t, []string{"x", "y"}, []string{before, after})
}

// TestDistinctElements changes what an element has besides its key.
func TestDistinctElements(t *testing.T) {
	want := detailRuleset(t)
	comment := userdataRest(appendComment(nil, userdata.TypeComment, "manual"))
	timeout := string(netlink.AppendAttribute(nil, unix.NFTA_SET_ELEM_TIMEOUT, []byte("12345678")))
	for i, s := range want.Tables[0].Sets {
		for name, rest := range map[string]string{
			"comment": comment, "timeout": timeout, "userdata": userdataRest([]byte{99, 1, 7}),
			"previous": userdataRest(settingUserdata("net.ipv4.ip_default_ttl", Setting{Value: "64", Previous: "77", Changed: true})),
		} {
			have := detailRuleset(t)
			for j := range have.Tables[0].Sets[i].Elements {
				have.Tables[0].Sets[i].Elements[j].Rest += rest
			}
			t.Run(s.Name+" "+name, func(t *testing.T) {
				changes := Compare(have, want).Changes()
				if !s.isInterval() { // an interval is compared as nft lists it
					assert.NotEmpty(t, changes)
				}
				assertDistinct(t, changes)
			})
		}
	}
}

// TestDistinctRules: rules of the same text in another place, and with other bytes.
func TestDistinctRules(t *testing.T) {
	rule := func(data string) *Rule {
		return &Rule{Expressions: expressionList([]Expression{{Name: "log", Data: data}})}
	}
	table := func(rules ...*Rule) *Ruleset {
		return &Ruleset{Tables: []*Table{{Family: IPv4, Name: "t", Chains: []*Chain{{Name: "c", Rules: rules}}}}}
	}
	x, y, other := rule("\x08\x00\x01\x00abcd"), rule("\x08\x00\x02\x00efgh"), &Rule{Expressions: expressionList([]Expression{{Name: "counter"}})}
	for _, c := range []struct {
		name     string
		from, to *Ruleset
	}{
		{"moved", table(x, other), table(other, x)},
		{"other bytes", table(x), table(y)},
		{"twice", table(x, x), table(y)},
		{"other attributes", table(x), table(&Rule{Expressions: x.Expressions, rest: []netlink.Attribute{{Type: 9, Data: []byte("x")}}})},
	} {
		t.Run(c.name, func(t *testing.T) {
			changes := Compare(c.from, c.to).Changes()
			assert.NotEmpty(t, changes)
			assertDistinct(t, changes)
		})
	}
}
