package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestJSONTopic: `lvsmark help json` names each member of the documents.
func TestJSONTopic(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	words := strings.FieldsFunc(jsonTopic, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	found := 0
	for _, file := range append(files, "../../change.go", "../../planfile.go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, tag := range strings.Split(string(source), "`json:\"")[1:] {
			member, _, _ := strings.Cut(tag, `"`)
			if member, _, _ = strings.Cut(member, ","); member != "" && member != "-" {
				found++
				assert.True(t, slices.Contains(words, member), "%s: %s", file, member)
			}
		}
	}
	assert.Greater(t, found, 50)
}
