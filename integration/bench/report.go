package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// report prints the table, the number of kept bars, and the moves.
func report(w io.Writer, rows, recorded []measure.Row) error {
	moves := measure.Moves(recorded, rows)
	if err := measure.WriteTable(w, rows, moves); err != nil {
		return err
	}
	_, err := io.WriteString(w, closing(rows)+moved(recorded, moves))
	return err
}

// closing counts the bars.
func closing(rows []measure.Row) string {
	kept, missed := 0, 0
	for _, r := range rows {
		switch {
		case !r.Keeps():
			missed++
		case r.Bar != measure.Bar{}:
			kept++
		}
	}
	if kept+missed == 0 {
		return ""
	}
	return fmt.Sprintf("\nBars: %d kept, %d missed.\n", kept, missed)
}

// moved lists the moves since the record; it returns "" without a record.
func moved(recorded []measure.Row, moves []measure.Move) string {
	if len(recorded) == 0 {
		return ""
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Moved beyond the spread since the record: %d.\n", len(moves))
	for _, m := range moves {
		fmt.Fprintln(&text, m)
	}
	return text.String()
}
