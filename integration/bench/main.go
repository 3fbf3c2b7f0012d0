// Bench measures lvsmark beside what else does the same, and compares the ratios
// with those that were recorded last. It prints a table; a bar that is missed is
// shown there.
//
// Its exit status is 0 when all was measured, 1 when a bar was missed and -strict
// asks for that, and 2 when something went wrong. It needs root and the peers;
// run it by `integration/run bench`.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// flags are those of the command line.
type flags struct {
	measure.Options
	only           string
	json, join     string
	recorded, page string
	record, strict bool
}

func main() {
	f := flags{Options: measure.Options{Lvsmark: os.Getenv("LVSMARK_BIN"), Log: progress(os.Stderr)}}
	flag.StringVar(&f.only, "only", "", "measure only these `SECTIONS`, with commas between: "+strings.Join(names(), ","))
	flag.IntVar(&f.Rounds, "rounds", 0, "`N` rounds of each comparison, instead of its own number")
	flag.BoolVar(&f.Smoke, "smoke", false, "small sizes and few rounds: shows that it works, not how fast")
	flag.StringVar(&f.json, "json", "", "write the rows to `FILE`")
	flag.StringVar(&f.join, "join", "", "add the rows of these `FILES`, with commas between, measured elsewhere")
	flag.StringVar(&f.recorded, "recorded", "docs/bench.json", "`FILE` of the rows recorded last")
	flag.StringVar(&f.page, "page", "docs/performance.md", "`FILE` with the table of the rows recorded last")
	flag.BoolVar(&f.record, "record", false, "write both files anew")
	flag.BoolVar(&f.strict, "strict", false, "fail when a bar is missed")
	flag.Parse()
	missed, err := f.run(os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if missed && f.strict {
		os.Exit(1)
	}
}

func progress(w io.Writer) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, "bench: "+format+"\n", args...) }
}

// run measures, prints, and writes files; it returns whether a bar was missed.
func (f *flags) run(w io.Writer) (missed bool, err error) {
	if err := f.check(); err != nil {
		return false, err
	}
	rows, err := f.rows()
	if err != nil {
		return false, err
	}
	recorded, err := measure.ReadRecord(f.recorded)
	if err != nil {
		return false, err
	}
	if err := report(w, rows, recorded); err != nil {
		return false, err
	}
	if f.json != "" {
		if err := measure.WriteFile(f.json, rows); err != nil {
			return false, err
		}
	}
	if f.record {
		err = f.write(measure.Renew(recorded, rows))
	}
	return slices.ContainsFunc(rows, func(r measure.Row) bool { return !r.Keeps() }), err
}

func (f *flags) check() error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("no arguments but flags: %q", flag.Args())
	case f.Lvsmark == "":
		return errors.New("LVSMARK_BIN does not say where lvsmark is: `integration/run bench` does")
	case f.Smoke && f.record:
		return errors.New("-smoke measures nothing that could be recorded")
	}
	return nil
}

// rows are those that are measured here, and those of other runs.
func (f *flags) rows() ([]measure.Row, error) {
	chosen, err := choose(f.only)
	if err != nil {
		return nil, err
	}
	rows, err := measureHere(chosen, f.Options)
	if err != nil {
		return nil, err
	}
	for _, path := range split(f.join) {
		more, err := measure.ReadFile(path)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// split is the list of what has commas between.
func split(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return s == "" })
}
