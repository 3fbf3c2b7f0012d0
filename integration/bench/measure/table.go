package measure

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WriteTable writes the rows in Markdown, one table for each section, in the order of
// their first rows. The last column has the result of the bar and, for a moved figure,
// the value of the record.
func WriteTable(w io.Writer, rows []Row, moves []Move) error {
	was := make(map[string]Move, len(moves))
	for _, m := range moves {
		was[m.Now.key()] = m
	}
	var text strings.Builder
	for _, section := range sections(rows) {
		lines := [][]string{{"figure", "of", "to", "median", "quartiles", "bar", ""}}
		for _, r := range section {
			lines = append(lines, r.cells(was[r.key()]))
		}
		fmt.Fprintf(&text, "\n**%s**", section[0].Section)
		if section[0].On != "" {
			fmt.Fprintf(&text, " (%s)", section[0].On)
		}
		fmt.Fprintf(&text, "\n\n%s", aligned(lines))
	}
	_, err := io.WriteString(w, strings.TrimPrefix(text.String(), "\n"))
	return err
}

// sections groups the rows by section.
func sections(rows []Row) [][]Row {
	var all [][]Row
	index := map[string]int{}
	for _, r := range rows {
		i, ok := index[r.Section]
		if !ok {
			i = len(all)
			index[r.Section] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], r)
	}
	return all
}

func (r Row) cells(was Move) []string {
	var unit, to string
	if r.To == "" {
		unit = " " + r.Unit
	} else {
		to = fmt.Sprintf("%s, %s %s", r.To, number(r.ToMedian), r.Unit)
	}
	of := fmt.Sprintf("%s, %s %s", r.Of, number(r.OfMedian), r.Unit)
	if r.To == "" {
		of = r.Of
	}
	bar := r.Bar.String()
	if bar != "" {
		bar += unit
	}
	return []string{
		r.Name, of, to, number(r.Median) + unit,
		number(r.Low) + " to " + number(r.High), bar, r.verdict(was),
	}
}

func (r Row) verdict(was Move) string {
	var words []string
	switch {
	case !r.Keeps():
		words = append(words, "MISSED")
	case r.Bar.Kind != "":
		words = append(words, "kept")
	}
	if was.Now.Name != "" {
		words = append(words, fmt.Sprintf("%s, was %s", was.direction(), number(was.Before.Median)))
	}
	return strings.Join(words, "; ")
}

// number formats a value with three significant digits.
func number(value float64) string {
	if value == 0 {
		return "0"
	}
	decimals := 2 - int(math.Floor(math.Log10(math.Abs(value))))
	return strconv.FormatFloat(value, 'f', min(max(decimals, 0), 4), 64)
}

// aligned returns a Markdown table; the first line is its heading.
func aligned(lines [][]string) string {
	widths := make([]int, len(lines[0]))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	rule := make([]string, len(widths))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", max(width, 3))
	}
	var text strings.Builder
	for n, line := range lines {
		writeLine(&text, widths, line)
		if n == 0 {
			writeLine(&text, widths, rule)
		}
	}
	return text.String()
}

func writeLine(text *strings.Builder, widths []int, line []string) {
	for i, cell := range line {
		fmt.Fprintf(text, "| %-*s ", max(widths[i], 3), cell)
	}
	text.WriteString("|\n")
}
