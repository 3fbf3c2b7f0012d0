package lvsmark

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/internal/impact"
)

// TestPrintableChange: every text of a change is one line without control characters.
func TestPrintableChange(t *testing.T) {
	const text = "a\x1b[31m\nb"
	c := Change{Where: text, Before: text, After: text, Impact: impact.Impact{Detail: text}}
	c.makePrintable()
	for _, printed := range []string{c.Where, c.Before, c.After, c.Impact.Detail} {
		assert.NotContains(t, printed, "\x1b")
		assert.NotContains(t, printed, "\n")
	}
}

// TestOpenNamespaceOfDirectory: a file that is not regular is refused before it is opened.
func TestOpenNamespaceOfDirectory(t *testing.T) {
	_, err := openNamespace(t.TempDir())
	assert.ErrorContains(t, err, "is not the file of a network namespace")
}
