package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// What is between these lines of a page is the table of the record.
const (
	tableBegins = "<!-- integration/run bench record writes this table -->"
	tableEnds   = "<!-- end of the table -->"
)

// write makes the rows the record, and its table that of the page.
func (f *flags) write(rows []measure.Row) error {
	page, err := os.ReadFile(f.page)
	if err != nil {
		return err
	}
	renewed, err := withTable(string(page), rows)
	if err != nil {
		return fmt.Errorf("%s: %w", f.page, err)
	}
	if err := measure.WriteFile(f.recorded, rows); err != nil {
		return err
	}
	return os.WriteFile(f.page, []byte(renewed), 0o644)
}

// withTable is the page with the table of these rows in place of its own.
func withTable(page string, rows []measure.Row) (string, error) {
	before, rest, begins := strings.Cut(page, tableBegins+"\n")
	_, after, ends := strings.Cut(rest, tableEnds+"\n")
	if !begins || !ends {
		return "", fmt.Errorf("it has no place for the table, between %q and %q", tableBegins, tableEnds)
	}
	var table strings.Builder
	if err := measure.WriteTable(&table, rows, nil); err != nil {
		return "", err
	}
	return before + tableBegins + "\n\n" + table.String() + "\n" + tableEnds + "\n" + after, nil
}
