package draft_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/draft"
	"github.com/lvsmark/lvsmark/internal/verify"
)

var word = regexp.MustCompile(`[\w./-]+`)

// TestLongWords replaces words of the old configurations, one at a time, by one of 20,000 bytes: no
// message, and no line of the report of verify, quotes all of it.
func TestLongWords(t *testing.T) {
	long := strings.Repeat("x", 20_000)
	files, err := filepath.Glob("testdata/old/*.txtar")
	require.NoError(t, err)
	changed := 0
	for i, file := range files {
		archive, err := txtar.ParseFile(file)
		require.NoError(t, err)
		spec, _, err := config.Parse("spec", strings.NewReader(string(fileOf(archive, specFile))))
		if err != nil || strings.Contains(file, "nft") {
			continue // files of nft: nft itself limits names and comments
		}
		for k, f := range archive.Files {
			if f.Name == specFile || f.Name == findingsFile {
				continue
			}
			places := word.FindAllIndex(f.Data, -1)
			for n := i % 5; n < len(places); n += 5 {
				archive.Files[k].Data = fmt.Appendf(nil, "%s%s%s", f.Data[:places[n][0]], long, f.Data[places[n][1]:])
				changed++
				assertShort(t, archive, spec, string(f.Data[places[n][0]:places[n][1]]))
			}
			archive.Files[k].Data = f.Data
		}
	}
	require.Greater(t, changed, 500)
}

func assertShort(t *testing.T, archive *txtar.Archive, spec *config.Spec, what string) {
	t.Helper()
	var files []importer.File
	for _, f := range archive.Files {
		if f.Name == specFile || f.Name == findingsFile {
			continue
		}
		file, err := importer.Load(f.Name, strings.NewReader(string(f.Data)))
		if err != nil {
			assertLines(t, err.Error(), what)
			return
		}
		files = append(files, file)
	}
	old, err := importer.ReadAll(files)
	if err != nil {
		assertLines(t, err.Error(), what)
		return
	}
	d := draft.New(old)
	require.NoError(t, d.Check(old))
	assertLines(t, d.Text(), what)
	assertLines(t, messages(d), what)
	report, err := verify.Compare(old, spec)
	require.NoError(t, err)
	assertLines(t, report.Text(), what)
}

func assertLines(t *testing.T, text, what string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if len(line) > 5000 {
			assert.Fail(t, "long line", "in place of %q: %s … %s", what, line[:200], line[len(line)-200:])
		}
	}
}
