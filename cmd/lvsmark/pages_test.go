package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/page"
)

// TestPagesCommands: each `lvsmark …` in the text of the pages is a verb with flags that it has.
// Commands in blocks are executed by integration/pages.
func TestPagesCommands(t *testing.T) {
	paths, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	code := regexp.MustCompile("`lvsmark ([^`]*)`")
	found := 0
	for _, path := range append(paths, "../../README.md") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, match := range code.FindAllStringSubmatch(string(text), -1) {
			args, _, _ := strings.Cut(match[1], " > ")
			found++
			var out, problem bytes.Buffer
			status := run(t.Context(), streams{os.Stdin, &out, &problem}, append(strings.Fields(placeholders().Replace(args)), "--help"))
			assert.Zero(t, status, "%s: `lvsmark %s`: %s", path, match[1], problem.String())
			verb, _, _ := strings.Cut(placeholders().Replace(args), " ")
			assert.Contains(t, out.String(), "lvsmark "+verb, "%s: `lvsmark %s`", path, match[1])
		}
	}
	assert.Greater(t, found, 60)
}

// placeholders replaces what stands for a verb, for any arguments, or for a value.
func placeholders() *strings.Replacer {
	return strings.NewReplacer("VERB", "apply", "…", "", "diff --peer", "diff --peer=x", "--peer=x OTHER.yaml", "--peer=OTHER.yaml")
}

// TestDoctorPage: the document in docs/doctor.md has the members of the program's.
func TestDoctorPage(t *testing.T) {
	parts, err := page.Read("../../docs/doctor.md")
	require.NoError(t, err)
	var blocks []string
	for _, p := range parts {
		for _, b := range p.Blocks {
			if b.Info == "json" {
				blocks = append(blocks, b.Text)
			}
		}
	}
	require.Len(t, blocks, 1)
	decoder := json.NewDecoder(strings.NewReader(blocks[0]))
	decoder.DisallowUnknownFields()
	var d doctorDocument
	require.NoError(t, decoder.Decode(&d))
	text, err := json.Marshal(d)
	require.NoError(t, err)
	assert.JSONEq(t, blocks[0], string(text))
}
