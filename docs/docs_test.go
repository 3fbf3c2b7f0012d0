// Package docs_test compares README.md and the pages of this directory with the
// code.
package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

const readme = "../README.md"

// blocks returns the contents of the fenced blocks of a language.
func blocks(t *testing.T, page, language string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	fenced := regexp.MustCompile("(?ms)^```" + language + "(?: [^\n]*)?\n(.*?)^```$")
	var found []string
	for _, match := range fenced.FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	return found
}

func pages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	return append(pages, readme, "../CHANGELOG.md")
}

func parse(t *testing.T, text string) *config.Spec {
	t.Helper()
	spec, notes, err := config.Parse("example", strings.NewReader(text))
	require.NoError(t, err)
	assert.Empty(t, notes)
	return spec
}

// TestReadme compares the ruleset and the services in README.md with the compiled
// spec in README.md.
func TestReadme(t *testing.T) {
	specs, rulesets, services := blocks(t, readme, "yaml"), blocks(t, readme, "nft"), blocks(t, readme, "ipvsadm")
	require.Len(t, specs, 1)
	require.Len(t, rulesets, 1)
	require.Len(t, services, 1)
	spec := parse(t, specs[0])
	assert.Equal(t, nft.Compile(spec).String(), rulesets[0])
	assert.Equal(t, ipvs.Text(ipvs.Compile(spec)), services[0])
}

// TestRecipe compares the recipe in README.md with the spec in README.md.
func TestRecipe(t *testing.T) {
	spec := parse(t, blocks(t, readme, "yaml")[0])
	recipe := ""
	for _, block := range blocks(t, readme, "sh") {
		if strings.Contains(block, "iptables -t mangle") {
			recipe = block
		}
	}
	cluster := spec.Clusters[0]
	for line := range strings.Lines(ipvs.Text(ipvs.Compile(spec))) {
		assert.Contains(t, recipe, "ipvsadm "+strings.TrimSuffix(line, " -w 1\n"))
	}
	for _, ports := range cluster.MarkedPorts() {
		assert.Contains(t, recipe, "--dport "+strings.Replace(ports.Ports(), "-", ":", 1)+" ")
	}
	assert.Contains(t, recipe, "pasv_address="+cluster.VIPs[0].String())
}

// TestExamples checks that each example of a spec is valid.
func TestExamples(t *testing.T) {
	for _, page := range pages(t) {
		for _, example := range blocks(t, page, "yaml") {
			_, _, err := config.Parse(page, strings.NewReader(example))
			assert.NoError(t, err, example)
		}
	}
}

// TestPackageExample checks that the example of the packages is valid.
func TestPackageExample(t *testing.T) {
	text, err := os.ReadFile("../packaging/example.yaml")
	require.NoError(t, err)
	parse(t, string(text))
}

// TestLinks checks that the files that pages link to exist.
func TestLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, link := range links.FindAllStringSubmatch(string(text), -1) {
			assert.FileExists(t, filepath.Join(filepath.Dir(page), link[1]), page)
		}
	}
}
