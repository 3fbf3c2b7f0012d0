package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/manual"
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

// TestSpecTopic: `lvsmark help spec` has each key of the spec.
func TestSpecTopic(t *testing.T) {
	schema, err := manual.Schema()
	require.NoError(t, err)
	var document any
	require.NoError(t, json.Unmarshal(schema, &document))
	words := strings.FieldsFunc(specTopic, func(r rune) bool { return r != '-' && !unicode.IsLetter(r) })
	found := 0
	var walk func(any)
	walk = func(node any) {
		switch node := node.(type) {
		case map[string]any:
			if properties, ok := node["properties"].(map[string]any); ok {
				for key := range properties {
					found++
					assert.True(t, slices.Contains(words, key), key)
				}
			}
			for _, child := range node {
				walk(child)
			}
		case []any:
			for _, child := range node {
				walk(child)
			}
		}
	}
	walk(document)
	assert.Greater(t, found, 50)
}
