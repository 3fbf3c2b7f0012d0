package equivalence

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/nft"
)

// TestText loads compiled specs through `nft -f` and commits them through netlink: nft
// lists both identically, its list loads again to the same list, and lvsmark finds no
// difference in any of them.
func TestText(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	t.Parallel()
	byNFT, byNetlink, byList := newNamespace(t), newNamespace(t), newNamespace(t)
	check := func(name string, spec *config.Spec) {
		text := nft.Compile(spec).String()
		require.NoError(t, byNFT.Load("flush ruleset\n"+text), name)
		require.NoError(t, byNetlink.Load("flush ruleset\n"), name)
		require.NoError(t, byNetlink.Commit(spec), name)
		list := listing(t, byNetlink)
		assert.Equal(t, list, listing(t, byNFT), "%s: nft -f of the text, against netlink", name)

		require.NoError(t, byList.Load("flush ruleset\n"+list), name)
		assert.Equal(t, list, listing(t, byList), "%s: nft -f of its own list", name)
		rehearsed, err := nft.Rehearse(nft.Compile(spec))
		require.NoError(t, err, name)
		for _, n := range []*Namespace{byNFT, byList} {
			now, err := n.Snapshot()
			require.NoError(t, err, name)
			assert.Empty(t, nft.Compare(&now.Ruleset, rehearsed).Changes(), name)
		}
		if t.Failed() {
			t.Fatalf("%s\n%s", name, specgen.YAML(spec))
		}
	}
	for name, spec := range golden(t) {
		check(name, spec)
	}
	for i := range cases(60) {
		seed, r := random(i)
		check(seed, specgen.Spec(r))
	}
}

// TestTextOfProgram is TestText through the command line.
func TestTextOfProgram(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	t.Parallel()
	lvsmark := newProgram(t)
	byNFT, byApply := newNamespace(t), newNamespace(t)
	check := func(name string, spec *config.Spec) {
		// render nft prints only nftables.
		spec.Director = config.Director{Table: spec.Director.Table, KeepMarks: spec.Director.KeepMarks, LocalClients: spec.Director.LocalClients}
		for i := range spec.Clusters {
			spec.Clusters[i].SourceNAT = config.NoSourceNAT // it sets a sysctl of IPVS
		}
		yaml := specgen.YAML(spec)
		require.NoError(t, byNFT.Load("flush ruleset\n"+lvsmark.render(t, byNFT, yaml)), name)
		lvsmark.apply(t, byApply, yaml)
		assert.Equal(t, listing(t, byApply), listing(t, byNFT), "%s\n%s", name, yaml)
		lvsmark.diff(t, byNFT, yaml)
		lvsmark.diff(t, byApply, yaml)
	}
	for name, spec := range golden(t) {
		check(name, spec)
		require.NoError(t, byApply.Load("flush ruleset\n"))
	}
	for i := range cases(20) {
		seed, r := random(i)
		check(seed, specgen.Spec(r))
		require.NoError(t, byApply.Load("flush ruleset\n"))
	}
}

// golden returns the specs of package nft's golden tests, by file.
func golden(t *testing.T) map[string]*config.Spec {
	t.Helper()
	files, err := filepath.Glob("../../nft/testdata/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	specs := map[string]*config.Spec{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		specs[file], _, err = config.Parse(file, strings.NewReader(string(b)))
		require.NoError(t, err)
	}
	return specs
}

func listing(t *testing.T, n *Namespace) string {
	t.Helper()
	text, err := n.List()
	require.NoError(t, err)
	return text
}
