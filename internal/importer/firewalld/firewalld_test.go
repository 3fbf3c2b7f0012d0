package firewalld_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/firewalld"
)

var update = flag.Bool("update", false, "write the files of testdata")

// TestFiles compares what each file of testdata says with the file NAME.txt.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.xml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.True(t, firewalld.Recognises(string(content)))
			c, err := firewalld.Read(filepath.Base(path), string(content))
			require.NoError(t, err)
			got := dump.Chains(c) + dump.Config(c)
			golden := strings.TrimSuffix(path, ".xml") + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

func TestErrors(t *testing.T) {
	for _, text := range []string{"", "<zone>", "<zone></other>", "<a/><b/>", "<zone>" + strings.Repeat("<a/>", 100001) + "</zone>"} {
		_, err := firewalld.Read("f", text)
		assert.Error(t, err, text[:min(len(text), 20)])
	}
	assert.False(t, firewalld.Recognises("*mangle\n# <zone"))
}

func FuzzRead(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.xml")
	for _, path := range files {
		content, _ := os.ReadFile(path)
		f.Add(string(content))
	}
	f.Fuzz(func(_ *testing.T, text string) {
		firewalld.Recognises(text)
		_, _ = firewalld.Read("f", text)
	})
}
