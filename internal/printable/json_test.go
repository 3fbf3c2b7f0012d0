package printable

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestJSON: the content stays the same, and nothing in it can change the terminal.
func TestJSON(t *testing.T) {
	for text, want := range map[string]string{
		"größe 大小\n\t": `"größe 大小\n\t"`, "\x1b[2J": `"\u001b[2J"`, "\u009b2J\x7f": `"\u009b2J\u007f"`, "\u202eb\ufeff": `"\u202eb\ufeff"`, "\U000e0001": `"\udb40\udc01"`,
	} {
		document, err := json.Marshal(text)
		require.NoError(t, err)
		have := JSON(document)
		assert.Equal(t, want, have)
		var back string
		require.NoError(t, json.Unmarshal([]byte(have), &back))
		assert.Equal(t, text, back)
	}
	document, err := json.MarshalIndent(map[string]int{"a": 1}, "", "  ")
	require.NoError(t, err)
	assert.Equal(t, "{\n  \"a\": 1\n}", JSON(document))
}
