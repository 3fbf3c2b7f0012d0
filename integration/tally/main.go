// Tally reads what `go test -json` prints from standard input, and says while
// it runs which packages are done, in full what a failed test printed, and in
// the end why tests were skipped. With -o it leaves the counts in a file, on
// one line: passed, failed, skipped.
//
// Every test and subtest counts as one, as `go test -v` reports them. A package
// that fails although none of its tests did (it does not build, or exits early)
// counts as one failure, and so does a test that never ended.
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
