package scratch

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Settle waits until workers of the kernel have ended what commands in the namespace of the calling
// thread began: up to a second after a change of a link its device becomes operational, or loses
// that state (linkwatch_event of net/core/link_watch.c), and an IPv6 address has its local route
// later than the command that adds it ends (addrconf_dad_work of net/ipv6/addrconf.c).
func Settle(t testing.TB) {
	t.Helper()
	SettleBy(t, func(command ...string) string { return Run(t, "", command[0], command[1:]...) })
}

// SettleBy waits as Settle does, in the namespace in which run runs commands.
func SettleBy(t testing.TB, run func(command ...string) string) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		waiting := unsettled(run)
		if waiting == "" {
			return
		}
		require.True(t, time.Now().Before(deadline), waiting)
	}
}

// unsettled returns what Settle waits for; empty: nothing.
func unsettled(run func(command ...string) string) string {
	operational := map[string]bool{}
	for line := range strings.Lines(run("ip", "-oneline", "link")) {
		words := strings.Fields(line)
		name, _, _ := strings.Cut(strings.TrimSuffix(words[1], ":"), "@")
		flags := strings.Split(strings.Trim(words[2], "<>"), ",")
		state := words[slices.Index(words, "state")+1]
		isUp := state == "UP" || state == "UNKNOWN"
		operational[name] = isUp && slices.Contains(flags, "LOWER_UP")
		if slices.Contains(flags, "UP") && slices.Contains(flags, "LOWER_UP") != isUp {
			return "the link of " + line
		}
	}
	local := run("ip", "-6", "route", "show", "table", "local")
	for line := range strings.Lines(run("ip", "-6", "-oneline", "address")) {
		words := strings.Fields(line)
		address, _, _ := strings.Cut(words[3], "/")
		if operational[words[1]] && !strings.Contains(line, "tentative") && !strings.Contains(local, "local "+address+" ") {
			return "the local route of " + line
		}
	}
	return ""
}
