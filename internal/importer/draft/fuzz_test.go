package draft_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/draft"
)

// FuzzDraft makes drafts of any files that a reader recognises. The draft is YAML of a spec:
// it may have mistakes, but it is neither a syntax error nor has it unknown keys.
func FuzzDraft(f *testing.F) {
	archives, _ := filepath.Glob("testdata/old/*.txtar")
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(string(file.Data))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := importer.Read("file", strings.NewReader(text))
		if err != nil {
			return
		}
		drafted := draft.New(c).Text()
		if _, _, err := config.Parse("draft", strings.NewReader(drafted)); err != nil {
			for _, broken := range []string{"unknown key", "did not find", "could not find", "mapping values"} {
				if strings.Contains(err.Error(), broken) {
					t.Fatalf("%v\n%s", err, drafted)
				}
			}
		}
	})
}
