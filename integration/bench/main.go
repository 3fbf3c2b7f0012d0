// Bench measures lvsmark beside what else does the same, prints a table, and
// compares its figures with those that were recorded last.
//
// Its exit status is 0 when all was measured, also where a bar was missed: the
// table shows that. With -strict that is 1. It is 2 when something went wrong. It
// needs root and the programs that lvsmark is compared with; run it by
// `integration/run bench`.
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
	only, join     string // lists with commas
	ipvs           bool
	json           string
	recorded, page string
	record, strict bool
}

func main() {
	f := flags{Options: measure.Options{Lvsmark: os.Getenv("LVSMARK_BIN"), Log: progress(os.Stderr)}}
	f.define(flag.CommandLine)
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "bench: no arguments but flags: %q\n", flag.Args())
		os.Exit(2)
	}
	rows, err := f.run(os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if f.strict && slices.ContainsFunc(rows, func(r measure.Row) bool { return !r.Keeps() }) {
		os.Exit(1)
	}
}

func (f *flags) define(set *flag.FlagSet) {
	set.StringVar(&f.only, "only", "", "only these `SECTIONS`, with commas between: "+strings.Join(names(), ","))
	set.BoolVar(&f.ipvs, "ipvs", false, "the sections that need IPVS, in place of those that do not")
	set.IntVar(&f.Rounds, "rounds", 0, "`N` rounds of each comparison, in place of its own number")
	set.BoolVar(&f.Smoke, "smoke", false, "small sizes and one round: shows that it works, not how fast")
	set.StringVar(&f.json, "json", "", "write the rows to `FILE`")
	set.StringVar(&f.join, "join", "", "add the rows of these `FILES`, with commas between, which -json wrote elsewhere")
	set.StringVar(&f.recorded, "recorded", "docs/bench.json", "`FILE` of the rows that were recorded last")
	set.StringVar(&f.page, "page", "docs/performance.md", "`FILE` with their table")
	set.BoolVar(&f.record, "record", false, "write both files anew; sections that were not measured stay")
	set.BoolVar(&f.strict, "strict", false, "fail when a bar is missed")
}

func progress(w io.Writer) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, "bench: "+format+"\n", args...) }
}

// run measures, prints, and writes files.
func (f *flags) run(w io.Writer) ([]measure.Row, error) {
	if f.Lvsmark == "" {
		return nil, errors.New("LVSMARK_BIN does not say where lvsmark is: `integration/run bench` does")
	}
	if f.Smoke && f.record {
		return nil, errors.New("-smoke measures nothing that could be recorded")
	}
	rows, err := f.rows()
	if err != nil {
		return nil, err
	}
	var recorded []measure.Row
	if !f.Smoke { // whose sizes are others
		if recorded, err = measure.ReadRecord(f.recorded); err != nil {
			return nil, err
		}
	}
	if err := report(w, rows, recorded); err != nil {
		return nil, err
	}
	if f.json != "" {
		if err := measure.WriteFile(f.json, rows); err != nil {
			return nil, err
		}
	}
	if f.record {
		err = f.write(measure.Renew(recorded, rows))
	}
	return rows, err
}

// rows are those that are measured here, and those of other runs.
func (f *flags) rows() ([]measure.Row, error) {
	chosen, err := choose(f.only, f.ipvs)
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
