package plainyaml_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v4"

	"github.com/lvsmark/lvsmark/internal/plainyaml"
)

// read are texts that Read must read.
const read = `-- comments.yaml --
# a comment

clusters: # another
  # between
  - name: ftp
    mark: 21   # spaces before
-- block.yaml --
clusters:
- name: a
  vips:
  - 192.0.2.1
  - 2001:db8::1
  real-servers:
    - name: rs1
      address: 10.0.0.1
-- brackets.yaml --
a: {b: [1, 20, x], c: {d: true, e: null}}
f: []
g: {}
h: [ a , {b: c} ]
-- quotes.yaml --
a: "text: # none"
b: ['x y', "2001:db8::", '']
-- values.yaml --
a: 5m
b: 40000-40999
c: 0
d: 198.51.100.0-198.51.100.9
f: yes
h: /etc/lvsmark
j: 12:30:45
k: 10.0.0.0/8
l: NULL
o: 9223372036
p: 2001:db8::1-2001:db8::9
null: y
-- top-list.yaml --
- a
- {b: c}
-- empty.yaml --
a:
b:   # comment

  # comment
c:
  - d:
    e: {f: , g: }
  - h:
i:
-- no-newline.yaml --
a: b`

// TestRead: Read reads these texts, as the library does.
func TestRead(t *testing.T) {
	for _, f := range txtar.Parse([]byte(read)).Files {
		t.Run(f.Name, func(t *testing.T) {
			got := plainyaml.Read(bytes.TrimSuffix(f.Data, []byte("\n")))
			require.NotNil(t, got)
			assertSame(t, f.Data, got)
		})
	}
}

// TestLeft: Read leaves these texts to the library.
func TestLeft(t *testing.T) {
	for _, text := range []string{
		"", "# nothing\n", "a", "a b", "a: b\n  c", "a:\n  b: c\n d: e", "a: b: c", "a: &x b", "a: *x", "a: !!str b", "<<: b",
		"a: |\n  b", "a: >\n  b", "a: [b,\n c]", "a: [b, ]", "a: [, b]", "a: [b c]", "a: [b: c]", "a: {b}", "a: {b:c}", "a: [b", "a: [b]]", "a: [b}", "a: {b: c]",
		"a: \"b\nc\"", `a: "b\n"`, "a: 'b''c'", "a: 'b", "a: 'b'c", "a: b#c d", "a: [b]#c", "a:\tb", "a: b\r\n", "a: é", "\ufeffa: b", "---\na: b", "a: b\n---\nc: d", "a: b\n...\n",
		"%YAML 1.2\na: b", "? a\n: b", "- - a", "-\n  a: b", "- a\n b", "-a", "a: -1", "a: b:", "a: ::1", "a: .5", "a: b c", "a: @b", "a: b\n# \x01\n", "a: b\n- c", "- a\nb: c",
		"a: " + strings.Repeat("[", 20) + strings.Repeat("]", 20), "a: [\x7f]",
		"a: 2.5", "a: 0x15", "a: 007", "a: 1e3", "a: 1_000", "a: 2001-01-01", "a: 99999999999999999999",
	} {
		assert.Nil(t, plainyaml.Read([]byte(text)), "%q", text)
	}
}

// FuzzRead compares Read with the library.
func FuzzRead(f *testing.F) {
	for _, file := range txtar.Parse([]byte(read)).Files {
		f.Add(file.Data)
	}
	example, err := os.ReadFile("../../config/testdata/example.yaml")
	require.NoError(f, err)
	f.Add(example)
	archives, err := filepath.Glob("../../config/testdata/mistakes/*.txtar")
	require.NoError(f, err)
	require.NotEmpty(f, archives)
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		require.NoError(f, err)
		for i := 0; i < len(archive.Files); i += 2 {
			f.Add(archive.Files[i].Data)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if got := plainyaml.Read(text); got != nil {
			assertSame(t, text, got)
		}
	})
}

// assertSame compares a tree with the only document that the library reads in a text.
func assertSame(t *testing.T, text []byte, got *yaml.Node) {
	t.Helper()
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	require.NoError(t, err)
	var document, second yaml.Node
	require.NoError(t, loader.Load(&document), "%q", text)
	require.Error(t, loader.Load(&second), "%q", text)
	assert.Equal(t, known(document.Content[0]), known(got), "%q", text)
}

// known returns what Read knows of a tree.
func known(n *yaml.Node) *yaml.Node {
	k := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column, Anchor: n.Anchor}
	if n.Kind == yaml.ScalarNode {
		k.Style = n.Style
	} else {
		k.Tag = ""
	}
	for _, child := range n.Content {
		k.Content = append(k.Content, known(child))
	}
	return k
}
