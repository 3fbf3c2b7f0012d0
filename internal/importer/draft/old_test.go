package draft_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/draft"
)

// Names of the golden files of an archive. Its other files are the old configuration.
const (
	specFile     = "spec.yaml"
	findingsFile = "findings"
)

// TestOldConfigurations drafts the spec of each configuration of testdata/old. With
// LVSMARK_UPDATE=1 it writes the results.
func TestOldConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/old/*.txtar")
	require.NoError(t, err)
	require.Greater(t, len(files), 40)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			require.NoError(t, err)
			spec, findings := drafted(t, archive)
			golden := map[string]string{specFile: spec, findingsFile: findings}
			if os.Getenv("LVSMARK_UPDATE") != "" {
				update(t, file, archive, golden)
				return
			}
			for name, want := range golden {
				assert.Equal(t, string(fileOf(archive, name)), want, name)
			}
		})
	}
}

// drafted returns the spec and the findings. The spec is valid, or a finding says why not.
func drafted(t *testing.T, archive *txtar.Archive) (spec, findings string) {
	t.Helper()
	var files []importer.File
	for _, f := range archive.Files {
		if f.Name == specFile || f.Name == findingsFile {
			continue
		}
		file, err := importer.Load(f.Name, bytes.NewReader(f.Data))
		require.NoError(t, err)
		files = append(files, file)
	}
	old, err := importer.ReadAll(files)
	require.NoError(t, err)
	d := draft.New(old)
	require.NoError(t, d.Check(old))
	var list strings.Builder
	for _, f := range d.Findings {
		fmt.Fprintf(&list, "%s: %s\n", f.Line, f.Message)
	}
	return d.Text(), list.String()
}

func fileOf(archive *txtar.Archive, name string) []byte {
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func update(t *testing.T, file string, archive *txtar.Archive, golden map[string]string) {
	t.Helper()
	kept := &txtar.Archive{Comment: archive.Comment}
	for _, f := range archive.Files {
		if _, is := golden[f.Name]; !is {
			kept.Files = append(kept.Files, f)
		}
	}
	for _, name := range []string{specFile, findingsFile} {
		kept.Files = append(kept.Files, txtar.File{Name: name, Data: []byte(golden[name])})
	}
	require.NoError(t, os.WriteFile(file, txtar.Format(kept), 0o644))
}
