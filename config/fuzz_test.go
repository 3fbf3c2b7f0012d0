package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzParse looks for panics, for mistakes without a position in the file, and for
// invalid specs that Parse accepts.
func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("testdata/example.yaml")
	require.NoError(f, err)
	f.Add(example)
	archives, err := filepath.Glob("testdata/mistakes/*.txtar")
	require.NoError(f, err)
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		require.NoError(f, err)
		for i := 0; i < len(archive.Files); i += 2 {
			f.Add(archive.Files[i].Data)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		spec, notes, err := Parse("f", bytes.NewReader(text))
		lines := 1 + bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r"))
		for _, note := range notes {
			assertPosition(t, Mistake(note), lines)
		}
		if err == nil {
			assertValid(t, spec)
			return
		}
		assert.Nil(t, spec)
		mistakes, ok := errors.AsType[Mistakes](err)
		require.True(t, ok)
		require.NotEmpty(t, mistakes)
		assert.LessOrEqual(t, len(mistakes), maxMistakes+1)
		assert.True(t, slices.IsSortedFunc(mistakes, compareEntries))
		for _, mistake := range mistakes {
			assertPosition(t, mistake, lines)
		}
	})
}

var printable = regexp.MustCompile(`^[^\p{Cc}\p{Cf}]+$`)

func assertPosition(t *testing.T, mistake Mistake, lines int) {
	t.Helper()
	assert.Equal(t, "f", mistake.File)
	assert.Positive(t, mistake.Line)
	assert.LessOrEqual(t, mistake.Line, lines+1)
	assert.Positive(t, mistake.Column)
	assert.Regexp(t, printable, mistake.Message)
	assert.LessOrEqual(t, len(mistake.Message), 1000)
	assert.NotContains(t, mistake.Message, "%!")
}
