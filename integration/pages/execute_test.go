package pages_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/page"
)

// A runner has the hosts on which the commands of a page run. An error of run is an exit
// status other than 0.
type runner interface {
	run(c page.Command) (output string, err error)
	write(f page.File) error
}

// execute executes the commands of a page in order, and writes its files. It calls
// begin before each section with commands. With LVSMARK_SHOW set it prints the outputs instead
// of comparing them.
func execute(t *testing.T, r runner, name string, begin func(section string)) {
	t.Helper()
	parts, err := page.Read("../../" + name)
	require.NoError(t, err)
	commands, section := 0, "none"
	for _, p := range parts {
		if p.Origin != section && len(p.Commands)+len(p.Files) > 0 {
			section = p.Origin
			begin(section)
		}
		for i, c := range p.Commands {
			write(t, r, p, i)
			if commands++; isSession(c) {
				continue
			}
			got, err := r.run(patient(c))
			check(t, p, c, got, err)
		}
		write(t, r, p, len(p.Commands))
	}
	require.NotZero(t, commands)
}

// write writes the files of a part that follow a number of its commands.
func write(t *testing.T, r runner, p page.Part, commands int) {
	t.Helper()
	for _, f := range p.Files {
		if f.At == commands {
			require.NoError(t, r.write(f), f.Name)
		}
	}
}

// patient returns the command with a longer limit for the sessions of a probe: the default, 10
// seconds, is short on an emulated machine.
func patient(c page.Command) page.Command {
	if strings.HasPrefix(c.Line, "lvsmark ") {
		c.Line = strings.NewReplacer(" probe server ", " probe server --timeout 2m ", " probe vip ", " probe vip --timeout 2m ").Replace(c.Line)
	}
	return c
}

// isSession reports whether the output is that of a probe with times, which TestProbePage of
// package integration compares.
func isSession(c page.Command) bool {
	return strings.HasPrefix(c.Line, "lvsmark probe ") && strings.Contains(c.Output, " ms")
}

func check(t *testing.T, p page.Part, c page.Command, got string, err error) {
	t.Helper()
	switch {
	case os.Getenv("LVSMARK_SHOW") != "":
		t.Logf("%s, %s: %v\n%s$ %s\n%s", p.Origin, p.Name, err, c.Host, c.Line, got)
	case c.Silent:
		assert.NoError(t, err, "%s, %s\n$ %s\n%s", p.Origin, p.Name, c.Line, got)
	default:
		assert.True(t, c.Matches(got), "%s, %s\n%s$ %s\nthe page has:\n%s\nbut it prints:\n%s", p.Origin, p.Name, c.Host, c.Line, c.Output, got)
	}
}
