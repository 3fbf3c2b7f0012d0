package shell_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/importer/dump"
	"github.com/lvsmark/lvsmark/internal/importer/shell"
)

// TestScripts compares what each script of testdata says with the file NAME.txt.
func TestScripts(t *testing.T) { dump.Golden(t, ".script", shell.Recognises, shell.Read) }

func FuzzRead(f *testing.F) {
	scripts, _ := filepath.Glob("testdata/*.script")
	for _, path := range scripts {
		content, _ := os.ReadFile(path)
		f.Add(string(content))
	}
	f.Fuzz(func(t *testing.T, text string) {
		shell.Recognises(text)
		c, err := shell.Read("f", text)
		require.NoError(t, err)
		lines := strings.Count(text, "\n") + 1
		for _, chain := range c.Chains {
			for _, r := range chain.Rules {
				assert.LessOrEqual(t, r.Number, lines)
			}
		}
		for _, r := range c.NotUnderstood {
			assert.LessOrEqual(t, r.Number, lines+1)
		}
	})
}

// TestNoise reads large texts in time that is linear in their size.
func TestNoise(t *testing.T) {
	const size = 1 << 20
	for name, text := range map[string]string{
		"expansions": strings.Repeat("$(", size/2),
		"quotes":     strings.Repeat("'a'\"b", size/5),
		"documents":  strings.Repeat("ipset restore <<E\n", size/18),
		"operators":  strings.Repeat("(;)&&|", size/6),
		"blocks":     strings.Repeat("if ", size/3),
		"lines":      strings.Repeat("iptables -A INPUT\n", size/18),
		"unknown":    strings.Repeat("a\n", size/2),
		"nested":     strings.Repeat("if exit\n", size/8),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := shell.Read("f", text)
			require.NoError(t, err)
		})
	}
}
