package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadLastDiff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "diff.json")
	last, err := readLastDiff(path)
	require.NoError(t, err)
	assert.Nil(t, last)

	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	for text, want := range map[string]string{
		`{"version": 1, "changes": [], "notes": []}`:                       "no difference",
		`{"version": 1, "changes": [{"op": "add"}]}`:                       "1 difference",
		`{"version": 1, "changes": [{"op": "add"}, {"op": "delete"}, {}]}`: "3 differences",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
		last, err := readLastDiff(path)
		require.NoError(t, err)
		assert.Equal(t, "lvsmark-diff.timer, 2026-01-02 03:04:05: "+want, last.String())
	}
	require.NoError(t, os.WriteFile(path, []byte(`{"version"`), 0o600))
	_, err = readLastDiff(path)
	assert.ErrorContains(t, err, "the last diff of lvsmark-diff.timer: ")
}

// TestOnScreen: a text replaces the one before, and is cut to the height of the terminal.
func TestOnScreen(t *testing.T) {
	assert.Equal(t, "\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J", onScreen("a\nb\n", screenSize{24, 80}, false))
	assert.Equal(t, "\n\n\n\x1b[Ha\x1b[K\nb\x1b[K\n…\x1b[K\n\x1b[J", onScreen("a\nb\nc\nd\n", screenSize{4, 80}, true))
	assert.Equal(t, "\x1b[Ha\x1b[K\n\x1b[J", onScreen("a\n", screenSize{}, true))
}

// TestReplaceError: the error names the file of the caller, not the temporary file.
func TestReplaceError(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "plan")
	require.NoError(t, os.Mkdir(directory, 0o700))
	err := replace(directory, strings.NewReader("text"), 0o600)
	assert.EqualError(t, err, "replace "+directory+": file exists")
	files, err := os.ReadDir(filepath.Dir(directory))
	require.NoError(t, err)
	assert.Len(t, files, 1)
}
