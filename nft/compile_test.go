package nft_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// TestGolden compares what specs compile to with text that was read by a
// person. LVSMARK_UPDATE=1 writes the text anew.
func TestGolden(t *testing.T) {
	specs, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, specs)
	for _, file := range specs {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text := nft.Compile(parse(t, read(t, file))).String()
			golden := strings.TrimSuffix(file, ".yaml") + ".nft"
			if os.Getenv("LVSMARK_UPDATE") != "" {
				require.NoError(t, os.WriteFile(golden, []byte(text), 0o644))
			}
			assert.Equal(t, read(t, golden), text)
		})
	}
}

// TestGoldenAsNft has nft read each golden text: it lists it to the letter, in the
// form of its version, it reproduces it from its own list, and lvsmark sees no
// difference between that and its own rehearsal.
func TestGoldenAsNft(t *testing.T) {
	specs, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	for _, file := range specs {
		t.Run(filepath.Base(file), func(t *testing.T) {
			rehearsed := rehearse(t, parse(t, read(t, file)))
			text := rehearsed.String()
			assert.Equal(t, read(t, strings.TrimSuffix(file, ".yaml")+".nft"), text, "the kernel's form, as text")
			want := asListed(t, text)
			inScratch(t, func() {
				run(t, text, "-f", "-")
				listed := list(t, "ruleset")
				assert.Equal(t, want, listed)
				run(t, "", "flush", "ruleset")
				run(t, listed, "-f", "-")
				assert.Equal(t, want, list(t, "ruleset"))
				now := snapshot(t, dial(t))
				assert.Empty(t, nft.Compare(&now.Ruleset, rehearsed).Changes())
			})
			inScratch(t, func() {
				apply(t, dial(t), rehearsed)
				assert.Equal(t, want, list(t, "ruleset"))
			})
		})
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(b)
}
