package manual

import (
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/lvsmark/lvsmark/config"
)

// A node is a schema of JSON Schema, draft 2020-12.
type node struct {
	Schema      string `json:"$schema,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`

	Type      any      `json:"type,omitempty"` // a name, or a list of names
	Enum      []string `json:"enum,omitempty"`
	Format    string   `json:"format,omitempty"`
	Pattern   string   `json:"pattern,omitempty"`
	MinLength int      `json:"minLength,omitempty"`
	MaxLength int      `json:"maxLength,omitempty"`
	Minimum   *uint64  `json:"minimum,omitempty"`
	Maximum   *uint64  `json:"maximum,omitempty"`
	AnyOf     []*node  `json:"anyOf,omitempty"`
	OneOf     []*node  `json:"oneOf,omitempty"`

	Items    *node `json:"items,omitempty"`
	MinItems int   `json:"minItems,omitempty"`
	MaxItems int   `json:"maxItems,omitempty"`

	Properties           map[string]*node `json:"properties,omitempty"`
	PropertyNames        *node            `json:"propertyNames,omitempty"`
	AdditionalProperties any              `json:"additionalProperties,omitempty"` // false, or a node
	Required             []string         `json:"required,omitempty"`

	Default any `json:"default,omitempty"`
}

// Schema returns a JSON Schema (draft 2020-12) of the spec, for editors. It accepts each
// valid spec. It refuses unknown and missing keys, values of a wrong type, and values out of
// range. What depends on several keys, only Parse of config finds.
func Schema() ([]byte, error) {
	shape := config.FileShape()
	root := mappingNode(shape, "", Tables())
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title, root.Description = "lvsmark spec", "The clusters of a Linux Virtual Server director, lvsmark.yaml(5)."
	return json.MarshalIndent(root, "", "  ")
}

// nodeOf returns the schema of the values of a key.
func nodeOf(s *config.Shape, name string, tables map[string][]Key) *node {
	switch s.Kind {
	case config.ShapeMapping:
		return mappingNode(s, name, tables)
	case config.ShapeNames:
		return namesNode(s)
	case config.ShapeList:
		list := &node{Type: "array", Items: nodeOf(s.Element, name, tables), MinItems: s.MinItems, MaxItems: s.MaxItems}
		if s.OrSingle {
			return &node{AnyOf: []*node{nodeOf(s.Element, name, tables), list}}
		}
		return list
	}
	return scalarNode(s)
}

func mappingNode(s *config.Shape, name string, tables map[string][]Key) *node {
	n := &node{Type: typeOf("object", s.MayBeEmpty), Properties: map[string]*node{}, AdditionalProperties: false}
	for i := range s.Keys {
		key := &s.Keys[i]
		value := nodeOf(&key.Shape, key.Name, tables)
		n.Properties[key.Name] = value
		if key.Required {
			n.Required = append(n.Required, key.Name)
		}
		for _, row := range tables[name] {
			if row.Name == key.Name {
				value.Description = plain(row.Meaning)
				value.Default = defaultOf(row)
			}
		}
	}
	for _, key := range s.OneOf {
		n.OneOf = append(n.OneOf, &node{Required: []string{key}})
	}
	return n
}

// typeOf returns a type, or a list of this type and null.
func typeOf(name string, orNull bool) any {
	if orNull {
		return []string{name, "null"}
	}
	return name
}

// namesNode returns the schema of a mapping of names to values that the kernel shows.
func namesNode(s *config.Shape) *node {
	return &node{
		Type:                 typeOf("object", s.MayBeEmpty),
		PropertyNames:        &node{Pattern: s.Pattern},
		AdditionalProperties: &node{Type: []string{"string", "number"}},
	}
}

// Texts of numbers: config reads decimal and 0x.
const (
	portPattern  = `(0[xX][0-9A-Fa-f]+|[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`
	portsPattern = portPattern + "(-" + portPattern + ")?"

	// Addresses in networks and ranges have formats only alone: their patterns are rough.
	addressPattern   = `([0-9]+(\.[0-9]+){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*)`
	networkPattern   = "^" + addressPattern + "/[0-9]+$"
	addressesPattern = "^" + addressPattern + "(/[0-9]+|-" + addressPattern + ")$"
)

func scalarNode(s *config.Shape) *node {
	text := func(pattern string) *node { return &node{Type: "string", Pattern: pattern} }
	address := []*node{{Type: "string", Format: "ipv4"}, {Type: "string", Format: "ipv6"}}
	switch s.Kind {
	case config.ShapeBoolean:
		return &node{Type: "boolean"}
	case config.ShapeNumber:
		return &node{Type: "integer", Minimum: &s.Low, Maximum: &s.High}
	case config.ShapePorts:
		pattern := "^" + portsPattern + "$"
		if s.Protocols {
			pattern = "^(all|((tcp|udp|sctp)/)?" + portsPattern + ")$"
		}
		return &node{AnyOf: []*node{{Type: "integer", Minimum: new(uint64(1)), Maximum: new(uint64(65535))}, text(pattern)}}
	case config.ShapeAddress:
		return &node{AnyOf: address}
	case config.ShapeNetwork:
		return &node{AnyOf: append(address, text(networkPattern))}
	case config.ShapeVIPs:
		return &node{AnyOf: append(address, text(addressesPattern))}
	case config.ShapeDuration:
		return durationNode(s)
	case config.ShapeWord:
		return &node{Type: "string", Pattern: s.Pattern, MaxLength: s.MaxBytes}
	}
	if s.Choices != nil {
		return &node{Enum: s.Choices}
	}
	return &node{Type: []string{"string", "number", "boolean"}}
}

func durationNode(s *config.Shape) *node {
	const number = `(0|[1-9][0-9]*)`
	text := &node{Type: "string", MinLength: 1, Pattern: fmt.Sprintf("^(0|(%[1]sh)?(%[1]sm)?(%[1]ss)?)$", number)}
	if s.Low > 0 {
		text.Pattern = fmt.Sprintf("^(%[1]sh)?(%[1]sm)?(%[1]ss)?$", number)
		return text
	}
	return &node{AnyOf: []*node{{Type: "integer", Minimum: new(uint64(0)), Maximum: new(uint64(0))}, text}}
}

// defaultOf returns a default that is a value of YAML, or nil.
func defaultOf(k Key) any {
	text, ok := k.Literal()
	if !ok {
		return nil
	}
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		return nil
	}
	return value
}
