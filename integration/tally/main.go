// Tally reads the output of `go test -json` from standard input. It prints each
// package when it is done, the full output of failed tests, and at the end the reasons
// of skipped tests. With -o it writes the counts to a file, on one line: passed,
// failed, skipped.
//
// Every test and subtest counts as one, as in `go test -v`. A package that fails
// without a failed test (it does not build, or exits early) counts as one failure, and
// so does a test that did not end.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	counts := flag.String("o", "", "write the counts to `FILE`")
	flag.Parse()
	if err := run(*counts); err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(2)
	}
}

func run(counts string) error {
	t := newTally(os.Stdout)
	if err := t.read(os.Stdin); err != nil {
		return err
	}
	t.finish()
	if counts == "" {
		return nil
	}
	return os.WriteFile(counts, fmt.Appendf(nil, "%d %d %d\n", t.passed, t.failed, t.skipped), 0o644)
}
