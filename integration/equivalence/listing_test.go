package equivalence

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/specgen"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/verify"
	"github.com/lvsmark/lvsmark/ipvs"
)

// TestListings: the listings of nft, as JSON and as text, of the tables that apply commits are
// equivalent to the spec, together with its services. The specs have all keys.
func TestListings(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft")
	t.Parallel()
	n := newNamespace(t)
	for i := range cases(60) {
		seed, r := random(i)
		spec := specgen.Spec(r)
		spec.Director.Bind = true
		require.NoError(t, n.Load("flush ruleset\n"), seed)
		require.NoError(t, n.Commit(spec), seed)
		document, err := n.Run("", "nft", "-j", "list", "ruleset")
		require.NoError(t, err, seed)
		for name, list := range map[string]string{"ruleset.json": document, "ruleset.nft": listing(t, n)} {
			var files []importer.File
			for name, text := range map[string]string{name: list, "services": ipvs.Text(ipvs.Compile(spec))} {
				file, err := importer.Load(name, strings.NewReader(text))
				require.NoError(t, err, "%s %s", seed, name)
				files = append(files, file)
			}
			old, err := importer.ReadAll(files)
			require.NoError(t, err, "%s %s", seed, name)
			report, err := verify.Compare(old, spec)
			require.NoError(t, err, "%s %s", seed, name)
			assert.Equal(t, "equivalent", report.Answer(), "%s %s\n%s\n%s", seed, name, report.Text(), specgen.YAML(spec))
		}
		if t.Failed() {
			return
		}
	}
}
