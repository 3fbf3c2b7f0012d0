package nft

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// An aspect is a property of an object that its text does not show.
type aspect struct{ name, value string }

// distinguished returns the texts of two objects. If they are equal, it adds in words what
// differs: a diff never prints the same text twice.
func distinguished(a, b Object, textA, textB string) (string, string) {
	if textA != textB {
		return textA, textB
	}
	onlyA, onlyB := differentAspects(a.aspects(), b.aspects())
	switch {
	case len(onlyA) == 0 && a.Rule != nil && sameBytes(a.Rule, b.Rule):
		onlyA, onlyB = []string{"in another place"}, []string{"in its place"}
	case len(onlyA) == 0:
		onlyA, onlyB = []string{"in another form"}, []string{"in the form of lvsmark"}
	case a.Rule != nil || a.Element != nil:
		onlyA, onlyB = onlyA[:1], onlyB[:1] // the others follow from it
	}
	return textA + " (" + strings.Join(onlyA, ", ") + ")", textB + " (" + strings.Join(onlyB, ", ") + ")"
}

func differentAspects(a, b []aspect) (onlyA, onlyB []string) {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			onlyA, onlyB = append(onlyA, a[i].String()), append(onlyB, b[i].String())
		}
	}
	return onlyA, onlyB
}

func (a aspect) String() string {
	if a.value == "" {
		return "no " + a.name
	}
	return a.name + " " + a.value
}

// aspects lists the same properties, in the same order, for all objects of a kind. For
// rules, their number is that of the expressions.
func (o Object) aspects() []aspect {
	switch {
	case o.Element != nil:
		return o.Element.aspects(o.Set)
	case o.IsElement():
		return nil
	case o.Set != nil:
		return o.Set.aspects()
	case o.Rule != nil:
		return o.Rule.aspects()
	case o.Chain != nil:
		return o.Chain.aspects()
	}
	return []aspect{hexAspect("flags", o.Table.Flags)}
}

func (s *Set) aspects() []aspect {
	return []aspect{
		{"comment", quoted(s.Comment)},
		{"byte order of keys:", orderName(s.KeyHost)},
		{"byte order of values:", orderName(s.DataHost)},
		hexAspect("flags", s.Flags), hexAspect("type", s.KeyType), hexAspect("type of values", s.DataType),
		hexAspect("key length", s.KeyLen), hexAspect("value length", s.DataLen), restAspect(s.rest),
	}
}

func (c *Chain) aspects() []aspect {
	return []aspect{
		{"comment", quoted(c.Comment)},
		hexAspect("flags", c.Flags),
		{"devices", strings.Join(c.Devices, ", ")},
		hexAspect("policy", c.Policy), restAspect(c.rest),
	}
}

// aspects of an element of the settings set begin with the previous value.
func (e Element) aspects(s *Set) []aspect {
	data := e.parts().userdata
	list := []aspect{{"userdata", hexText(data)}, {"attributes", hexText(e.Rest)}}
	if s.Name != settingsSet {
		return list
	}
	previous, ok := findUserdata(data, udPrevious)
	if ok {
		previous = strconv.Quote(previous)
	}
	return slices.Insert(list, 0, aspect{"previous value", previous})
}

// aspects are the bytes of each expression: the text of some does not show all attributes.
func (r *Rule) aspects() []aspect {
	list := []aspect{restAspect(r.rest)}
	for e := range r.All() {
		list = append(list, aspect{"expression " + e.Name, hexText(e.Data)})
	}
	return list
}

func quoted(text string) string {
	if text == "" {
		return ""
	}
	return strconv.Quote(text)
}

func orderName(host bool) string {
	if host {
		return "host"
	}
	return "network"
}

func hexAspect(name string, value uint32) aspect { return aspect{name, fmt.Sprintf("%#x", value)} }

func restAspect(rest []netlink.Attribute) aspect {
	return aspect{"other attributes", hexText(netlink.AppendAttributes(nil, rest))}
}

// hexText formats bytes; empty for none.
func hexText[T netlink.Content](b T) string {
	if len(b) == 0 {
		return ""
	}
	return fmt.Sprintf("%#x", []byte(b))
}

// withTwins gives each deleted rule an added rule with the same text, and the reverse.
func withTwins(changes []Change) []Change {
	byText := map[Op]map[string]*Rule{Delete: {}, Add: {}}
	for i := range changes {
		c := &changes[i]
		byText[c.Op][c.last().text()] = c.last().Rule
	}
	for i := range changes {
		c := &changes[i]
		other := Add
		if c.Op == Add {
			other = Delete
		}
		c.twin = byText[other][c.last().text()]
	}
	return changes
}

// sameBytes reports whether two rules are equal byte by byte, as most are.
func sameBytes(a, b *Rule) bool {
	return a.Expressions == b.Expressions && a.Comment == b.Comment && reflect.DeepEqual(a.rest, b.rest) &&
		a.anonymous.isEmpty() && b.anonymous.isEmpty()
}
