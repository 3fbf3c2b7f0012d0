package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lvsmark": main})
}

// TestScript runs the scripts of testdata/script, which specify the command line. It
// adds these commands to those of testscript:
//
//	needs WHAT…              skips the script if one is missing: root, nftables, ipvs, or a
//	                         program
//	status N PROGRAM ARG…    runs the program, which must exit with N
//	refused                  checks every .yaml of the script: each must be refused, and each
//	                         line on standard error must begin with a position in it; writes
//	                         these lines to the file mistakes
//	netns                    creates a network namespace for the script, named $NETNS
//	inside PROGRAM ARG…      runs the program in that namespace; it must succeed
//	await-confirm            waits until apply --confirm waits for its confirmation
//	await-client             waits until lvsmark confirm is connected to the guard
//	await-unlock             waits until no process holds the lock of the namespace
//	signal SIGNAL [guard]    sends a signal to the last background program, or to its guard
//
// and the conditions [ipvs] and [race]. With LVSMARK_UPDATE_SCRIPTS set, cmp
// writes the actual text into the scripts.
func TestScript(t *testing.T) {
	need.Hangup(t)
	testscript.Run(t, testscript.Params{
		Files:               scripts(t),
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("LVSMARK_UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Values[scriptT{}] = scriptT{t: env.T()}
			return nil
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"needs":   needs,
			"status":  exitsWith,
			"refused": refused,
			"netns":   netns,
			"inside":  inside,

			"await-confirm": awaitConfirm,
			"await-client":  awaitClient,
			"await-unlock":  awaitUnlock,
			"signal":        sendSignal,
		},
	})
}

// scripts returns the scripts of testdata/script. Short runs, on an emulated kernel,
// take only those that need IPVS.
func scripts(t *testing.T) []string {
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	require.NoError(t, err)
	if testing.Short() {
		needsIPVS := regexp.MustCompile(`(?m)^needs .*\bipvs\b`)
		files = slices.DeleteFunc(files, func(file string) bool {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			return !needsIPVS.Match(text)
		})
	}
	require.NotEmpty(t, files)
	return files
}

func condition(name string) (bool, error) {
	switch name {
	case "ipvs":
		return need.HasIPVS(), nil
	case "race":
		info, _ := debug.ReadBuildInfo()
		return slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}), nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// A scriptT lets package need skip or fail a script. It has no other methods of
// testing.TB.
type scriptT struct {
	testing.TB
	t testscript.T
}

func (s scriptT) Helper()                           {}
func (s scriptT) Skip(args ...any)                  { s.t.Skip(args...) }
func (s scriptT) Skipf(format string, args ...any)  { s.t.Skip(fmt.Sprintf(format, args...)) }
func (s scriptT) Fatal(args ...any)                 { s.t.Fatal(args...) }
func (s scriptT) Fatalf(format string, args ...any) { s.t.Fatal(fmt.Sprintf(format, args...)) }

func needs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: needs root|nftables|ipvs|program...")
	}
	t := ts.Value(scriptT{}).(scriptT)
	for _, what := range args {
		switch what {
		case "root":
			need.Root(t)
		case "nftables":
			need.NFTables(t)
		case "ipvs":
			need.IPVS(t)
		default:
			need.Programs(t, what)
		}
	}
}

func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program [arguments]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitStatus(ts, args[1], args[2:]...); got != want {
		ts.Fatalf("%s: exit status %d, not %d", strings.Join(args[1:], " "), got, want)
	}
}

func exitStatus(ts *testscript.TestScript, program string, args ...string) int {
	err := ts.Exec(program, args...)
	if err == nil {
		return statusDone
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		ts.Fatalf("%v", err)
	}
	return exit.ExitCode()
}

func refused(ts *testscript.TestScript, neg bool, args []string) {
	files, err := filepath.Glob(ts.MkAbs("*.yaml"))
	ts.Check(err)
	if neg || len(args) != 0 || len(files) == 0 {
		ts.Fatalf("usage: refused, in a script that has a .yaml file")
	}
	var mistakes strings.Builder
	for _, path := range files {
		file := filepath.Base(path)
		if got := exitStatus(ts, "lvsmark", "-c", file, "check"); got != statusError {
			ts.Fatalf("%s: exit status %d, not %d", file, got, statusError)
		}
		if out := ts.ReadFile("stdout"); out != "" {
			ts.Fatalf("%s: standard output is not empty: %s", file, out)
		}
		place := regexp.MustCompile("^" + regexp.QuoteMeta(file) + `:\d+:\d+: \S`)
		for line := range strings.Lines(ts.ReadFile("stderr")) {
			if !place.MatchString(line) {
				ts.Fatalf("%s: a line without a position in it: %s", file, line)
			}
			mistakes.WriteString(line)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs("mistakes"), []byte(mistakes.String()), 0o600))
}

// netns creates the script's network namespace and sets its loopback device up.
func netns(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: netns")
	}
	name := fmt.Sprintf("lvsmark-%s-%d", ts.Name(), os.Getpid())
	ts.Check(ts.Exec("ip", "netns", "add", name))
	ts.Defer(func() { ts.Check(exec.Command("ip", "netns", "delete", name).Run()) })
	ts.Setenv("NETNS", name)
	ts.Check(ts.Exec("ip", "-n", name, "link", "set", "lo", "up"))
}

func inside(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: inside program [arguments]")
	}
	ts.Check(ts.Exec("ip", append([]string{"netns", "exec", ts.Getenv("NETNS")}, args...)...))
}
