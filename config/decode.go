package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A field is the value of a key, with what a check needs to know of it.
type field[T any] struct {
	position      // of the value
	present  bool // the key is there
	valid    bool // the value is as it should be; a list: each element is
	value    T
}

// or returns the value, or another one when there is none.
func (f field[T]) or(other T) T {
	if f.valid {
		return f.value
	}
	return other
}

// lost reports whether the file says something that could not be read, so that
// a check which needs it must keep silent.
func (f field[T]) lost() bool { return f.present && !f.valid }

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

// A decoding turns a node into a value; what names it in messages. It reports
// whether it could, after it reported why not.
type decoding[T any] func(d *decoder, n *yaml.Node, what string) (T, bool)

// A key is one that a mapping which becomes a T may have.
type key[T any] struct {
	name   string
	decode func(d *decoder, n *yaml.Node, what string, into *T)
}

// set decodes the value of a key into a field.
func set[T, V any](of func(*T) *field[V], decode decoding[V]) func(*decoder, *yaml.Node, string, *T) {
	return func(d *decoder, n *yaml.Node, what string, into *T) {
		f := of(into)
		f.position, f.present = at(n), true
		f.value, f.valid = decode(d, n, what)
	}
}

// A decoder turns the nodes of one file into fields.
type decoder struct{ report *report }

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.report.mistake(at(n), format, args...)
}

// mapping decodes the keys of a mapping; what names it in messages. It reports
// whether the node is a mapping.
func mapping[T any](d *decoder, n *yaml.Node, what string, keys []key[T], into *T) bool {
	if n.Kind == yaml.AliasNode {
		return false
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
			d.fail(name, "unknown key %s in %s%s", quote(name.Value), what, suggest(name.Value, "known keys", keyNames(keys)))
		default:
			keys[index].decode(d, value, name.Value, into)
		}
	}
	return true
}

// optionalMapping is a mapping all of whose keys have defaults: nothing at all
// stands for no keys.
func optionalMapping[T any](d *decoder, n *yaml.Node, what string, keys []key[T], into *T) bool {
	return isNull(n) || mapping(d, n, what, keys, into)
}

// maxKeys is how many keys a mapping may know.
const maxKeys = 16

// firstLines are where a mapping gives each key first; 0: nowhere yet.
type firstLines struct {
	known   [maxKeys]int
	unknown map[string]*int
}

// of is the line of a key: by index where it is known, else by name.
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

// isRepeated reports a key that was given before, and records one that was not.
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

// list decodes each element of a list that is not empty; element names one in
// messages. The list is valid when each element is; those that are come back
// all the same.
func list[T any](element string, decode decoding[T]) decoding[[]item[T]] {
	return func(d *decoder, n *yaml.Node, what string) ([]item[T], bool) {
		if n.Kind == yaml.AliasNode {
			return nil, false
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

// atMost refuses lists that are longer than anybody needs, and that would make
// checks slow.
func atMost[T any](limit int, decode decoding[[]item[T]]) decoding[[]item[T]] {
	return func(d *decoder, n *yaml.Node, what string) ([]item[T], bool) {
		if n.Kind == yaml.SequenceNode && len(n.Content) > limit {
			d.fail(n, "%s has %d entries; give at most %d", what, len(n.Content), limit)
			return nil, false
		}
		return decode(d, n, what)
	}
}
