package firewalld_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/firewalld"
)

// TestFiles compares what each file of testdata says with the file NAME.txt.
func TestFiles(t *testing.T) { dump.Golden(t, ".xml", firewalld.Recognises, firewalld.Read) }

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
