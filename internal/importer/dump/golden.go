package dump

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Golden compares what a reader says of each file of testdata with the extension with the
// file NAME.txt. With LVSMARK_UPDATE=1 it writes those files.
func Golden(t *testing.T, extension string, recognises func(string) bool, read func(name, text string) (*oldconfig.Config, error)) {
	t.Helper()
	files, err := filepath.Glob("testdata/*" + extension)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.True(t, recognises(string(content)))
			c, err := read(filepath.Base(path), string(content))
			require.NoError(t, err)
			Compare(t, strings.TrimSuffix(path, extension)+".txt", Chains(c)+Config(c))
		})
	}
}

// Compare compares a text with a file. With LVSMARK_UPDATE=1 it writes the file.
func Compare(t *testing.T, golden, got string) {
	t.Helper()
	if os.Getenv("LVSMARK_UPDATE") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}
