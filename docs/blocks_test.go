package docs_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/page"
)

// forDevelopers are the pages whose commands are those of the tests themselves.
func forDevelopers() []string {
	return []string{"docs/testing.md", "docs/performance.md", "docs/design.md", "CHANGELOG.md"}
}

// comparedBy returns the test that compares a block of a language without a command, or "".
func comparedBy(language string) string {
	return map[string]string{
		"yaml":    "TestExamples",
		"nft":     "TestReadme",
		"ipvsadm": "TestReadme",
		"diff":    "TestPagesDiff of the root package",
		"message": "TestMessages",
		"json":    "TestDoctorPage of cmd/lvsmark",
	}[language]
}

// TestBlocks: a test runs the commands of each block and compares each output, or the page says
// that no test does, and why. The test lists these blocks.
func TestBlocks(t *testing.T) {
	executed := slices.Concat(page.OnDirector(), page.OnAnyKernel(), page.WithHosts())
	for _, path := range userPages(t) {
		parts, err := page.Read("../" + path)
		require.NoError(t, err)
		for _, p := range parts {
			for _, b := range p.Blocks {
				language, name, _ := strings.Cut(b.Info, " ")
				place := fmt.Sprintf("%s:%d: ```%s", path, b.Line, b.Info)
				switch {
				case b.Reason != "":
					t.Logf("%s: not run by a test: %s", place, b.Reason)
				case language == "console" || language == "sh" || name != "":
					assert.Contains(t, executed, path, "%s: no test executes this page", place)
				default:
					assert.NotEmpty(t, comparedBy(language), "%s: no test compares blocks of this kind", place)
				}
			}
		}
	}
}

// userPages returns the pages that are not only for developers, relative to the repository.
func userPages(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, name := range pages(t) {
		path := strings.TrimPrefix("docs/"+name, "docs/../")
		if !slices.Contains(forDevelopers(), path) {
			list = append(list, path)
		}
	}
	return list
}

// TestVerbs: each `integration/run VERB` in the pages is a verb of integration/run.
func TestVerbs(t *testing.T) {
	script, err := os.ReadFile("../integration/run")
	require.NoError(t, err)
	verbs := regexp.MustCompile(`(?m)^\t\t  ([a-z-]+)`).FindAllStringSubmatch(string(script), -1)
	var known []string
	for _, verb := range verbs {
		known = append(known, verb[1])
	}
	require.Contains(t, known, "demo")
	for _, path := range pages(t) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		for _, use := range regexp.MustCompile("integration/run ([a-z][a-z-]*)").FindAllStringSubmatch(string(text), -1) {
			assert.Contains(t, known, use[1], path)
		}
	}
}
