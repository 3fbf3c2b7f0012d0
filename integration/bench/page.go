package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// The table of the record is between these lines of the page.
const (
	tableBegins = "<!-- integration/run bench record writes this table -->"
	tableEnds   = "<!-- end of the table -->"
)

// write writes the rows as the record, and their table into the page.
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

// withTable returns the page with its table replaced by that of the rows.
func withTable(page string, rows []measure.Row) (string, error) {
	before, rest, begins := strings.Cut(page, tableBegins+"\n")
	_, after, ends := strings.Cut(rest, tableEnds+"\n")
	if !begins || !ends {
		return "", fmt.Errorf("the page has no lines %q and %q for the table", tableBegins, tableEnds)
	}
	var table strings.Builder
	if err := measure.WriteTable(&table, rows, nil); err != nil {
		return "", err
	}
	return before + tableBegins + "\n\n" + table.String() + "\n" + tableEnds + "\n" + after, nil
}
