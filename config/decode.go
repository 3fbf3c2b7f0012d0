package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A field is the value of a key, with its position and state for checks.
type field[T any] struct {
	position      // of the value
	present  bool // the key is there
	valid    bool // the value is valid; in a list, every element is valid
	value    T
}

// or returns the value if it is valid, else the other one.
func (f field[T]) or(other T) T {
	if f.valid {
		return f.value
	}
	return other
}

// unreadable reports whether the file has an invalid value for the key. Checks that
// need the value must then report nothing.
func (f field[T]) unreadable() bool { return f.present && !f.valid }

// An item is one element of a list.
type item[T any] struct {
	position
	value T
}

func values[T any](items []item[T]) []T {
	if len(items) == 0 {
		return nil
	}
	all := make([]T, 0, len(items))
	for _, item := range items {
		all = append(all, item.value)
	}
	return all
}

// A decodeFunc turns a node into a value; what is its name in messages. It returns
// false after it reported a mistake.
type decodeFunc[T any] func(d *decoder, n *yaml.Node, what string) (T, bool)

// A key is a known key of a mapping that is decoded into a T.
type key[T any] struct {
	name   string
	decode func(d *decoder, n *yaml.Node, what string, into *T)
}

// set decodes the value of a key into a field.
func set[T, V any](of func(*T) *field[V], decode decodeFunc[V]) func(*decoder, *yaml.Node, string, *T) {
	return func(d *decoder, n *yaml.Node, what string, into *T) {
		f := of(into)
		f.position, f.present = at(n), true
		f.value, f.valid = decode(d, n, what)
	}
}

// A decoder turns the nodes of one file into fields.
type decoder struct {
	report *report
	shape  *Shape // not nil: it describes the values that it accepts instead; see FileShape

	mappingsWith func() map[string][]string // a field, because it comes from the decoders themselves
}

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.report.mistake(at(n), format, args...)
}

// mapping decodes the keys of a mapping; what is its name in messages. It returns
// false if the node is not a mapping.
func mapping[T any](d *decoder, n *yaml.Node, what string, keys []key[T], into *T) bool {
	if n.Kind == yaml.AliasNode {
		return false
	}
	if d.shape != nil {
		describeKeys(d, keys, into)
		return true
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, "%s must be a mapping of keys, not %s; known keys: %s", what, kindOf(n), strings.Join(keyNames(keys), ", "))
		return false
	}
	var first firstLines
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if !d.isKey(name, what) {
			continue
		}
		index := slices.IndexFunc(keys, func(k key[T]) bool { return k.name == name.Value })
		switch {
		case d.isRepeated(name, first.of(index, name.Value)):
		case index < 0:
			d.fail(name, "unknown key %s in %s%s", quote(name.Value), what, suggestKey(name.Value, keyNames(keys), d.mappingsWith))
		default:
			keys[index].decode(d, value, name.Value, into)
		}
	}
	return true
}

// optionalMapping decodes a mapping whose keys all have defaults. It may be empty.
func optionalMapping[T any](d *decoder, n *yaml.Node, what string, keys []key[T], into *T) bool {
	ok := isNull(n) || mapping(d, n, what, keys, into)
	if d.shape != nil {
		d.shape.MayBeEmpty = true
	}
	return ok
}

// maxKeys is the largest number of known keys in a mapping.
const maxKeys = 16

// firstLines holds the line where a mapping has each key first; 0: not yet.
type firstLines struct {
	known   [maxKeys]int
	unknown map[string]*int
}

// of returns the line of a key: by index for a known key, else by name.
func (f *firstLines) of(index int, name string) *int {
	if index >= 0 {
		return &f.known[index]
	}
	line, ok := f.unknown[name]
	if !ok {
		if f.unknown == nil {
			f.unknown = map[string]*int{}
		}
		line = new(int)
		f.unknown[name] = line
	}
	return line
}

func (d *decoder) isKey(name *yaml.Node, what string) bool {
	if name.Kind == yaml.AliasNode || isMergeKey(name) {
		return false
	}
	if name.Kind != yaml.ScalarNode || isNull(name) {
		d.fail(name, "a key in %s must be a name, not %s; write it as key: value", what, kindOf(name))
		return false
	}
	return true
}

// isRepeated reports a mistake for a repeated key, and records the line of a new one.
func (d *decoder) isRepeated(name *yaml.Node, first *int) bool {
	if *first > 0 {
		d.fail(name, "key %s is given twice, first at line %d; remove one", quote(name.Value), *first)
		return true
	}
	*first = at(name).line
	return false
}

func keyNames[T any](keys []key[T]) []string {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = key.name
	}
	return names
}

// list decodes the elements of a non-empty list; element is their name in messages.
// The list is valid if every element is valid. It returns the valid elements in
// any case.
func list[T any](element string, decode decodeFunc[T]) decodeFunc[[]item[T]] {
	return func(d *decoder, n *yaml.Node, what string) ([]item[T], bool) {
		if n.Kind == yaml.AliasNode {
			return nil, false
		}
		if d.shape != nil {
			describeList(d, decode, element)
			return nil, true
		}
		if n.Kind != yaml.SequenceNode {
			d.fail(n, "%s must be a list, not %s; write it as [%s, …]", what, kindOf(n), element)
			return nil, false
		}
		if len(n.Content) == 0 {
			d.fail(n, "%s is an empty list; give at least one %s", what, element)
			return nil, false
		}
		items, valid := make([]item[T], 0, len(n.Content)), true
		for _, child := range n.Content {
			value, ok := decode(d, child, element)
			valid = valid && ok
			if ok {
				items = append(items, item[T]{at(child), value})
			}
		}
		return items, valid
	}
}

// orSingle also decodes one element that is not in a list.
func orSingle[T any](one decodeFunc[T], list decodeFunc[[]item[T]]) decodeFunc[[]item[T]] {
	return func(d *decoder, n *yaml.Node, what string) ([]item[T], bool) {
		if d.shape != nil {
			items, ok := list(d, n, what)
			d.shape.OrSingle = true
			return items, ok
		}
		if n.Kind == yaml.SequenceNode {
			return list(d, n, what)
		}
		value, ok := one(d, n, what)
		if !ok {
			return nil, false
		}
		return []item[T]{{at(n), value}}, true
	}
}

// orEmpty also decodes an empty list.
func orEmpty[T any](decode decodeFunc[[]item[T]]) decodeFunc[[]item[T]] {
	return func(d *decoder, n *yaml.Node, what string) ([]item[T], bool) {
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			return nil, true
		}
		items, ok := decode(d, n, what)
		if d.shape != nil {
			d.shape.MinItems = 0
		}
		return items, ok
	}
}

// atMost refuses lists over a limit, which would make checks slow.
func atMost[T any](limit int, decode decodeFunc[[]item[T]]) decodeFunc[[]item[T]] {
	return func(d *decoder, n *yaml.Node, what string) ([]item[T], bool) {
		if n.Kind == yaml.SequenceNode && len(n.Content) > limit {
			d.fail(n, "%s has %d entries; give at most %d", what, len(n.Content), limit)
			return nil, false
		}
		items, ok := decode(d, n, what)
		if d.shape != nil {
			d.shape.MaxItems = limit
		}
		return items, ok
	}
}
