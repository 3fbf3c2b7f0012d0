package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// An event is one line of `go test -json`; see `go doc test2json`. Build output has
// its package in ImportPath.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64 // seconds
}

// An id identifies a test, or a package if Test is empty.
type id struct{ Package, Test string }

// A tally is the state of one stream of events.
type tally struct {
	out                     io.Writer
	passed, failed, skipped int
	output                  map[id]*bytes.Buffer // of running tests, and of packages
	perPackage              map[string]*count
	reasons                 []string // of skipped tests, in the order of the stream
}

// A count has the numbers of tests of one package.
type count struct{ ended, failed int }

// slow is the minimum duration of a passed test that gets a line in the output.
const slow = 2 * time.Second

func newTally(out io.Writer) *tally {
	return &tally{out: out, output: map[id]*bytes.Buffer{}, perPackage: map[string]*count{}}
}

// read reads a stream to its end. It prints lines that are not events: the go command
// writes some errors as plain text.
func (t *tally) read(stream io.Reader) error {
	lines := bufio.NewReader(stream)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				t.take(e)
			} else {
				t.out.Write(line)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *tally) take(e event) {
	at := id{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		io.WriteString(t.out, e.Output)
	case "run":
		t.output[at] = &bytes.Buffer{}
	case "output":
		if t.output[at] == nil {
			t.output[at] = &bytes.Buffer{}
		}
		t.output[at].WriteString(e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.endPackage(e)
		} else {
			t.endTest(e)
		}
		delete(t.output, at)
	}
}

func (t *tally) endTest(e event) {
	c := t.countOf(e.Package)
	c.ended++
	switch e.Action {
	case "pass":
		t.passed++
		if elapsed(e) >= slow && !strings.Contains(e.Test, "/") {
			fmt.Fprintf(t.out, "     %s %s (%s)\n", short(e.Package), e.Test, elapsed(e))
		}
	case "fail":
		t.failed++
		c.failed++
		fmt.Fprintf(t.out, "FAIL %s %s\n%s", e.Package, e.Test, indented(t.output[id{e.Package, e.Test}]))
	case "skip":
		t.skipped++
		reason := reasonOf(t.output[id{e.Package, e.Test}])
		t.reasons = append(t.reasons, fmt.Sprintf("%s %s: %s", short(e.Package), e.Test, reason))
	}
}

// endPackage also counts the tests of the package that did not end.
func (t *tally) endPackage(e event) {
	t.failUnfinished(func(test id) bool { return test.Package == e.Package })
	c := t.countOf(e.Package)
	switch {
	case e.Action == "fail" && c.failed == 0:
		t.failed++
		fmt.Fprintf(t.out, "FAIL %s\n%s", e.Package, indented(t.output[id{Package: e.Package}]))
	case e.Action == "fail":
		fmt.Fprintf(t.out, "FAIL %s (%d of %d tests, %s)\n", e.Package, c.failed, c.ended, elapsed(e))
	case c.ended > 0:
		fmt.Fprintf(t.out, "ok   %s (%d tests, %s)\n", e.Package, c.ended, elapsed(e))
	}
}

// finish counts tests that did not end, and lists the skipped tests.
func (t *tally) finish() {
	t.failUnfinished(func(id) bool { return true })
	for _, reason := range t.reasons {
		fmt.Fprintf(t.out, "skip %s\n", reason)
	}
}

func (t *tally) failUnfinished(which func(id) bool) {
	open := slices.SortedFunc(maps.Keys(t.output), func(a, b id) int {
		return strings.Compare(a.Package+" "+a.Test, b.Package+" "+b.Test)
	})
	for _, test := range open {
		if test.Test == "" || !which(test) {
			continue
		}
		fmt.Fprintln(t.out, "     this test did not end:")
		t.endTest(event{Action: "fail", Package: test.Package, Test: test.Test})
		delete(t.output, test)
	}
}

func (t *tally) countOf(pkg string) *count {
	if t.perPackage[pkg] == nil {
		t.perPackage[pkg] = &count{}
	}
	return t.perPackage[pkg]
}

func elapsed(e event) time.Duration {
	return time.Duration(e.Elapsed * float64(time.Second)).Round(10 * time.Millisecond)
}

// short returns a package's path without host and owner.
func short(pkg string) string {
	parts := strings.SplitN(pkg, "/", 3)
	return parts[len(parts)-1]
}

// reasonOf returns the reason of a skipped test: its first log line, without the
// source position.
func reasonOf(output *bytes.Buffer) string {
	for line := range strings.Lines(text(output)) {
		place, message, found := strings.Cut(strings.TrimSpace(line), ": ")
		if found && strings.Contains(place, ".go:") {
			return message
		}
	}
	return "no reason given"
}

func indented(output *bytes.Buffer) string {
	var b strings.Builder
	for line := range strings.Lines(text(output)) {
		b.WriteString("     " + strings.TrimSuffix(line, "\n") + "\n")
	}
	return b.String()
}

func text(output *bytes.Buffer) string {
	if output == nil {
		return ""
	}
	return output.String()
}
