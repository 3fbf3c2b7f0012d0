package manual_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/manual"
)

// walk calls f for each mapping of the spec with the name of its key.
func walk(s *config.Shape, name string, f func(name string, mapping *config.Shape)) {
	switch {
	case s.Kind == config.ShapeMapping:
		f(name, s)
		for i := range s.Keys {
			walk(&s.Keys[i].Shape, s.Keys[i].Name, f)
		}
	case s.Element != nil:
		walk(s.Element, name, f)
	}
}

// TestTables compares the tables of docs/spec.md with the keys that config reads: their
// names, which of them are required, and the words that they accept.
func TestTables(t *testing.T) {
	tables, mappings := manual.Tables(), map[string]bool{}
	walk(config.FileShape(), "", func(name string, mapping *config.Shape) {
		mappings[name] = true
		if row, small := rowOf(tables, name); small && len(tables[name]) == 0 {
			for _, key := range mapping.Keys {
				assert.Contains(t, row.Range+row.Meaning, key.Name, "docs/spec.md has no row for it, and that of %q does not name it", name)
			}
			return
		}
		rows := map[string]manual.Key{}
		for _, row := range tables[name] {
			assert.NotContains(t, rows, row.Name, "%s: two rows", name)
			rows[row.Name] = row
		}
		for _, key := range mapping.Keys {
			row, has := rows[key.Name]
			assert.True(t, has, "docs/spec.md has no row for %q of %q", key.Name, name)
			if key.Required {
				assert.Equal(t, "required", row.Default, "%s: %s", name, key.Name)
			}
			for _, word := range key.Choices {
				assert.Contains(t, row.Default+row.Range, "`"+word+"`", "%s: %s", name, key.Name)
			}
			delete(rows, key.Name)
		}
		assert.Empty(t, rows, "docs/spec.md has rows of unknown keys of %q", name)
	})
	for name := range tables {
		assert.Contains(t, mappings, name, "docs/spec.md describes an unknown mapping")
	}
}

// rowOf returns the row of the key that has the mapping as its value. Such a row may name
// the keys of a small mapping itself.
func rowOf(tables map[string][]manual.Key, mapping string) (manual.Key, bool) {
	for _, rows := range tables {
		for _, row := range rows {
			if row.Name == mapping {
				return row, true
			}
		}
	}
	return manual.Key{}, false
}

// base has each mapping whose keys all have defaults.
const base = `
clusters:
  - name: ftp
    mark: 21
    vips: [198.51.100.21]
    ftp:
      active-data: {translate: masquerade}
    real-servers:
      - {address: 10.0.0.11, forwarding: nat}
      - {address: 10.0.0.12, forwarding: tunnel, tunnel: {type: gre}}
director:
  table: lvsmark
`

// TestDefaults adds each key with the default that docs/spec.md names to a spec without it:
// the spec means the same.
func TestDefaults(t *testing.T) {
	without, _, err := config.Parse("base", strings.NewReader(base))
	require.NoError(t, err)
	tried := 0
	for mapping, keys := range manual.Tables() {
		for _, key := range keys {
			value, ok := key.Literal()
			if !ok {
				continue
			}
			with, _, err := config.Parse("with", strings.NewReader(withKey(t, mapping, key.Name, value)))
			if err != nil {
				assert.NotContains(t, err.Error(), "unknown", "%s: %s", mapping, key.Name)
				continue // a spec with other keys may have it
			}
			tried++
			assert.Equal(t, without, with, "%s: %s: %s", mapping, key.Name, value)
		}
	}
	assert.Greater(t, tried, 15)
}

// withKey returns the base with a key in the mapping, if it has the mapping.
func withKey(t *testing.T, mapping, key, value string) string {
	t.Helper()
	var document yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(base), &document))
	var content yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte(value), &content))
	into := find(document.Content[0], "", mapping)
	if into != nil && !has(into, key) {
		into.Content = append(into.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, content.Content[0])
	}
	text, err := yaml.Marshal(&document)
	require.NoError(t, err)
	return string(text)
}

func has(mapping *yaml.Node, key string) bool {
	for i := 0; i < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return true
		}
	}
	return false
}

// find returns the first mapping that is the value of a key.
func find(n *yaml.Node, of, name string) *yaml.Node {
	if n.Kind == yaml.MappingNode && of == name {
		return n
	}
	for i, child := range n.Content {
		key := of
		if n.Kind == yaml.MappingNode {
			if key = n.Content[i&^1].Value; i%2 == 0 {
				continue
			}
		}
		if found := find(child, key, name); found != nil {
			return found
		}
	}
	return nil
}
