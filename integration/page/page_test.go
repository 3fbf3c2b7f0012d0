package page

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const text = "# Page\n\n```yaml spec.yaml\na: b\n```\n\n## Section\n\n" +
	"- in a list:\n\n  ```console\n  $ first\n  one\n  rs1$ second $ 1\n  ```\n\n" +
	"```sh\nthird\nfourth |\n    fifth\n```\n\n" +
	"*Not run by a test: it restarts the machine.*\n\n```sh\nreboot\n```\n"

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	parts, err := Read(file)
	require.NoError(t, err)
	var blocks []Block
	for i := range parts {
		blocks = append(blocks, parts[i].Blocks...)
		parts[i].Blocks = nil
	}
	require.Len(t, blocks, 4)
	assert.Equal(t, Block{Info: "yaml spec.yaml", Text: "a: b\n", Line: 3}, blocks[0])
	assert.Equal(t, Block{Info: "sh", Text: "reboot\n", Reason: "it restarts the machine.", Line: 25}, blocks[3])
	assert.Equal(t, []Part{
		{Files: []File{{"spec.yaml", "a: b\n", 0}}},
		{Origin: "Section", Commands: []Command{
			{Line: "first", Output: "one\n"},
			{Host: "rs1", Line: "second $ 1"},
			{Line: "third", Silent: true},
			{Line: "fourth |\n    fifth", Silent: true},
		}},
	}, parts)
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		want, got string
		matches   bool
	}{
		{"", "", true},
		{"", "a\n", false},
		{"a\n", "a\n", true},
		{"a\n", "a\nb\n", false},
		{"a\nb\n", "a\n", false},
		{"…\nb\n", "b\n", true},
		{"…\nb\n", "a\na\nb\n", true},
		{"…\nb\n", "b\na\nb\n", true},
		{"…\nb\n", "a\nb\nc\n", false},
		{"a\n…\n", "a\n", true},
		{"a\n…\n", "a\nb\nc\n", true},
		{"a …\n", "a b c\n", true},
		{"a … c\n", "a b c c\n", true},
		{"a … c\n", "a b\n", false},
		{"a …: … c\n", "a 1: 2 c\n", true},
		{"a …: … c\n", "a 1: 2 d\n", false},
		{"no newline", "no newline", true},
	} {
		assert.Equal(t, test.matches, Command{Output: test.want}.Matches(test.got), "%q and %q", test.want, test.got)
	}
}
