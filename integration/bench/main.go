// Bench measures lvsmark beside other programs for the same work, prints a table, and
// compares the figures with the last record.
//
// The exit status is 0 after a complete measurement, even if a bar was missed, which
// the table shows. With -strict, a missed bar is status 1. Status 2 is an error. Bench
// needs root and the programs that lvsmark is compared with; run it with
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

// flags are the flags of the command line.
type flags struct {
	measure.Options
	only, join     string // comma-separated lists
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
		fmt.Fprintf(os.Stderr, "bench: unexpected arguments: %q\n", flag.Args())
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
	set.StringVar(&f.only, "only", "", "only these `SECTIONS`, separated by commas: "+strings.Join(names(), ","))
	set.BoolVar(&f.ipvs, "ipvs", false, "the sections that need IPVS, instead of the others")
	set.IntVar(&f.Rounds, "rounds", 0, "`N` rounds of each comparison, instead of its default")
	set.BoolVar(&f.Smoke, "smoke", false, "small sizes and one round: shows that it works, not how fast")
	set.StringVar(&f.json, "json", "", "write the rows to `FILE`")
	set.StringVar(&f.join, "join", "", "add the rows of these `FILES`, separated by commas, written by -json in other runs")
	set.StringVar(&f.recorded, "recorded", "docs/bench.json", "`FILE` with the last record")
	set.StringVar(&f.page, "page", "docs/performance.md", "`FILE` with the table of the record")
	set.BoolVar(&f.record, "record", false, "update both files; sections without a measurement stay")
	set.BoolVar(&f.strict, "strict", false, "fail when a bar is missed")
}

func progress(w io.Writer) func(string, ...any) {
	return func(format string, args ...any) { fmt.Fprintf(w, "bench: "+format+"\n", args...) }
}

// run measures, prints, and writes files.
func (f *flags) run(w io.Writer) ([]measure.Row, error) {
	if f.Lvsmark == "" {
		return nil, errors.New("LVSMARK_BIN is not set to the path of lvsmark: use `integration/run bench`")
	}
	if f.Smoke && f.record {
		return nil, errors.New("-smoke and -record exclude each other: smoke runs have other sizes")
	}
	rows, err := f.rows()
	if err != nil {
		return nil, err
	}
	var recorded []measure.Row
	if !f.Smoke { // smoke runs have other sizes than the record
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

// rows returns the rows of this run and of joined runs.
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

// split returns the items of a comma-separated list.
func split(list string) []string {
	return slices.DeleteFunc(strings.Split(list, ","), func(s string) bool { return s == "" })
}
