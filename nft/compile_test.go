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

// TestGolden compares compiled specs with reviewed text. LVSMARK_UPDATE=1 updates the text.
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

// TestGoldenAsNft loads each golden text with nft: nft lists the same text, in the form of
// its version, and loads its own list again, and lvsmark finds no difference to its
// rehearsal.
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
