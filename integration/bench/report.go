package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// report prints the table, and what has moved.
func report(w io.Writer, rows, recorded []measure.Row) error {
	moves := measure.Moves(recorded, rows)
	if err := measure.WriteTable(w, rows, moves); err != nil {
		return err
	}
	if len(recorded) == 0 {
		return nil
	}
	if len(moves) == 0 {
		_, err := fmt.Fprintln(w, "\nNothing has moved beyond the spread since the record.")
		return err
	}
	fmt.Fprintln(w, "\nMoved beyond the spread since the record:")
	for _, m := range moves {
		if _, err := fmt.Fprintln(w, m); err != nil {
			return err
		}
	}
	return nil
}

// What is between these lines of the page is the record's table.
const (
	tableBegins = "<!-- table: `integration/run bench record` writes it -->"
	tableEnds   = "<!-- end of table -->"
)

// write makes the rows the record.
func (f *flags) write(rows []measure.Row) error {
	page, err := os.ReadFile(f.page)
	if err != nil {
		return err
	}
	renewed, err := renewed(string(page), rows)
	if err != nil {
		return fmt.Errorf("%s: %w", f.page, err)
	}
	if err := measure.WriteFile(f.recorded, rows); err != nil {
		return err
	}
	return os.WriteFile(f.page, []byte(renewed), 0o644)
}

// renewed is the page with another table.
func renewed(page string, rows []measure.Row) (string, error) {
	before, rest, begins := strings.Cut(page, tableBegins+"\n")
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return "", fmt.Errorf("the table has no place between %q and %q", tableBegins, tableEnds)
	}
	var table strings.Builder
	if err := measure.WriteTable(&table, rows, nil); err != nil {
		return "", err
	}
	return before + tableBegins + "\n\n" + table.String() + "\n" + tableEnds + after, nil
}
