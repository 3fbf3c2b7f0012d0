package config

import (
	"slices"
	"sync"

	"go.yaml.in/yaml/v4"
)

// A ShapeKind is the kind of values that a key has.
type ShapeKind uint8

// Kinds of values. The YAML text of a Number has no quotes.
const (
	ShapeText     ShapeKind = iota
	ShapeWord               // text that YAML does not read as a number, boolean or null
	ShapeBoolean            // true or false
	ShapeNumber             // a whole number of Low to High
	ShapePorts              // a port, or LOW-HIGH
	ShapeAddress            // the address of a host
	ShapeNetwork            // an address or a network
	ShapeVIPs               // an address, a network or a range of addresses
	ShapeDuration           // whole seconds: 5m, 300s, 1h30m, 0
	ShapeMapping            // known keys
	ShapeNames              // names with values, of sysctls
	ShapeList
)

// A Shape describes the values of a key of the spec that decode without a mistake. It
// describes each value alone, not the relations between keys.
type Shape struct {
	Kind      ShapeKind
	Low, High uint64   // of a Number; of a Duration in seconds
	Choices   []string // of Text: the only values
	Pattern   string   // of Word and the names of Names: a regular expression; empty: any
	MaxBytes  int      // of Word; 0: any
	Protocols bool     // of Ports: with a protocol, or all

	Keys       []KeyShape // of a Mapping
	OneOf      []string   // keys of a Mapping, one of which is required
	MayBeEmpty bool       // a Mapping or Names: all keys have defaults

	Element  *Shape // of a List
	MinItems int    // of a List
	MaxItems int    // of a List; 0: any number
	OrSingle bool   // a List of one element may be the element alone
}

// A KeyShape is a key of a mapping.
type KeyShape struct {
	Name     string
	Required bool
	Shape
}

// FileShape returns the shape of the whole file. It comes from the decoders themselves,
// which describe the values that they accept.
func FileShape() *Shape {
	shape := &Shape{}
	(&decoder{report: &report{}, shape: shape}).file(sample())
	return shape
}

// mappingsWith has, by key, the names of the mappings of the spec that know it.
var mappingsWith = sync.OnceValue(func() map[string][]string {
	mappings := map[string][]string{}
	var add func(name string, s *Shape)
	add = func(name string, s *Shape) {
		if s.Element != nil {
			add(name, s.Element)
		}
		for i, key := range s.Keys {
			if name != "" && !slices.Contains(mappings[key.Name], name) {
				mappings[key.Name] = append(mappings[key.Name], name)
			}
			add(key.Name, &s.Keys[i].Shape)
		}
	}
	add("", FileShape())
	return mappings
})

// sample returns a node that a decoder describes itself with: not empty, and a mapping, as
// decoders of mappings look at its kind.
func sample() *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode}, {Kind: yaml.ScalarNode}}}
}

// describes reports whether the decoder only describes the values that it accepts. It then
// records their shape.
func (d *decoder) describes(shape Shape) bool {
	if d.shape == nil {
		return false
	}
	*d.shape = shape
	return true
}

// describesWord is describes for a decoder that calls word, whose shape is more exact.
func (d *decoder) describesWord(pattern string, maxBytes int) bool {
	return d.describes(Shape{Kind: ShapeWord, Pattern: pattern, MaxBytes: maxBytes})
}

// requires records that a mapping needs a key.
func (d *decoder) requires(name string) {
	if d.shape == nil {
		return
	}
	if i := slices.IndexFunc(d.shape.Keys, func(k KeyShape) bool { return k.Name == name }); i >= 0 {
		d.shape.Keys[i].Required = true
	}
}

// requiresOneOf records that a mapping needs exactly one of the keys.
func (d *decoder) requiresOneOf(names ...string) {
	if d.shape != nil {
		d.shape.OneOf = names
	}
}

// describeKeys records the shapes of the keys of a mapping.
func describeKeys[T any](d *decoder, keys []key[T], into *T) {
	shape := Shape{Kind: ShapeMapping}
	for _, k := range keys {
		value := KeyShape{Name: k.name}
		k.decode(&decoder{report: d.report, shape: &value.Shape}, sample(), k.name, into)
		shape.Keys = append(shape.Keys, value)
	}
	*d.shape = shape
}

// describeList records the shape of a list.
func describeList[T any](d *decoder, decode decodeFunc[T], element string) {
	shape := Shape{Kind: ShapeList, Element: &Shape{}, MinItems: 1}
	decode(&decoder{report: d.report, shape: shape.Element}, sample(), element)
	*d.shape = shape
}
