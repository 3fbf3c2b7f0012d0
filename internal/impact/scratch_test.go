package impact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/nft"
)

func parse(t *testing.T, yaml string) *config.Spec {
	t.Helper()
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(yaml))
	require.NoError(t, err)
	return spec
}

// change edits a spec as an operator would.
func change(t *testing.T, spec string, replacements ...string) string {
	t.Helper()
	changed := strings.NewReplacer(replacements...).Replace(spec)
	assert.NotEqual(t, spec, changed)
	return changed
}

// rehearse returns the ruleset of the spec as the kernel returns it; empty for an empty
// spec.
func rehearse(t *testing.T, spec string) *nft.Ruleset {
	t.Helper()
	if spec == "" {
		return &nft.Ruleset{}
	}
	need.NFTables(t)
	r, err := nft.Rehearse(nft.Compile(parse(t, spec)))
	require.NoError(t, err)
	return r
}

// changedByHand returns the ruleset in the kernel after nft ran the script on it.
func changedByHand(t *testing.T, ruleset *nft.Ruleset, script string) (live *nft.Ruleset) {
	t.Helper()
	need.Programs(t, "nft")
	scratch.Do(t, func() {
		conn, err := nft.Dial()
		require.NoError(t, err)
		defer conn.Close()
		generation, err := conn.Generation()
		require.NoError(t, err)
		_, err = conn.Commit(nft.Compare(&nft.Ruleset{}, ruleset), generation)
		require.NoError(t, err)
		scratch.Run(t, script, "nft", "-f", "-")
		snapshot, err := conn.Snapshot()
		require.NoError(t, err)
		live = &snapshot.Ruleset
	})
	require.NotNil(t, live)
	return live
}

func compare(before, after *nft.Ruleset) *consequences {
	return findConsequences(nft.Compare(before, after).Changes(), before, after)
}
