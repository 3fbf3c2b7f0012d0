package docs_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/director"
	"github.com/lvsmark/lvsmark/internal/doctor/realserver"
)

// TestDoctor compares the tables of checks in doctor.md with the checks. With LVSMARK_UPDATE
// it writes them.
func TestDoctor(t *testing.T) {
	const page = "doctor.md"
	b, err := os.ReadFile(page)
	require.NoError(t, err)
	text := string(b)
	for heading, table := range map[string]string{
		"## On the director":  tableOf(director.Checks()),
		"## On a real server": tableOf(realserver.Checks()),
	} {
		before, rest, found := strings.Cut(text, heading)
		require.True(t, found, heading)
		section, after, found := strings.Cut(rest, "\n## ")
		require.True(t, found, heading)
		start := strings.Index(section, "| check |")
		require.NotEqual(t, -1, start, heading)
		if os.Getenv("LVSMARK_UPDATE") != "" {
			text = before + heading + section[:start] + table + "\n## " + after
			continue
		}
		assert.Equal(t, table, section[start:], "LVSMARK_UPDATE=1 go test -run TestDoctor ./docs writes the table")
	}
	if text != string(b) {
		require.NoError(t, os.WriteFile(page, []byte(text), 0o644))
	}
}

func tableOf[S any](checks []doctor.Check[S]) string {
	var b strings.Builder
	b.WriteString("| check | looks at | why |\n|---|---|---|\n")
	for _, c := range checks {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, c.Summary, c.Why)
	}
	return b.String()
}
