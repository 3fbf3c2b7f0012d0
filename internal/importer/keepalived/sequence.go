package keepalived

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A sequence is a line with ~SEQ or ~LST: keepalived reads the rest of the line once for each row
// of values, and the last values stay defined.
type sequence struct {
	names []string
	rows  [][]string
	rest  string
}

// maxValue is the limit of the numbers of ~SEQ.
const maxValue = 1 << 40

var (
	sequencePattern = regexp.MustCompile(`^~(SEQx?|LST)[ \t]*\(([^)]*)\)[ \t]*(.+)$`)
	numberPattern   = regexp.MustCompile(`^[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)$`)
	valuePattern    = regexp.MustCompile(`^[0-9A-Za-z_./:-]+$`)
	rowPattern      = regexp.MustCompile(`^[ \t]*\{([^{}]*)\}[ \t]*(?:,|$)`)
)

// addSequence adds the lines that ~SEQ or ~LST stands for. It reports whether all are understood:
// the first one that is not ends it, so that a line has one remark.
func (l *lines) addSequence(text string, line oldconfig.Line) bool {
	s, err := l.parseSequence(text, line)
	if err != nil {
		l.config.AddNotUnderstood(line, "%v", err)
		return false
	}
	for _, row := range s.rows {
		if l.rows++; l.rows > maxLines || len(l.result) >= maxLines {
			l.config.AddNotUnderstood(line, "the lines from here on are not read: there are more than %d", maxLines)
			return false
		}
		for i, name := range s.names {
			l.setDefinition(name, row[i])
		}
		if !l.addRepeated(s.rest, line) {
			return false
		}
	}
	return true
}

// addRepeated adds what follows ~SEQ or ~LST.
func (l *lines) addRepeated(text string, line oldconfig.Line) bool {
	before, understood := len(l.result), len(l.config.NotUnderstood)
	switch {
	case strings.HasPrefix(text, "~"):
		return l.addSequence(text, line)
	case isInclude(text) || isDefinition(text):
		l.config.AddNotUnderstood(line, "an include or a definition behind ~SEQ or ~LST is not supported: write the lines that it stands for")
	case l.blocks[blockName(text)] != nil:
		l.addBlock(l.blocks[blockName(text)], line)
	default:
		l.result = append(l.result, l.expand(text, line))
	}
	for _, added := range l.result[before:] {
		if added.opaque != "" {
			return false
		}
	}
	return len(l.config.NotUnderstood) == understood
}

func (l *lines) parseSequence(text string, line oldconfig.Line) (*sequence, error) {
	found := sequencePattern.FindStringSubmatch(text)
	if found == nil {
		return nil, errors.New("the line is not ~SEQ(NAME, [[START,] [STEP,]] END) TEXT or ~LST(NAME, VALUE, …) TEXT")
	}
	keyword, isList := found[1], found[1] == "LST"
	names, arguments, braces := cutNames(found[2])
	if err := l.checkNames(names, isList); err != nil {
		return nil, err
	}
	expanded := l.expand(arguments, line)
	if expanded.opaque != "" {
		return nil, errors.New(expanded.opaque)
	}
	s := &sequence{names: names, rest: found[3]}
	var err error
	if isList {
		s.rows, err = listRows(expanded.text, len(names), braces)
	} else {
		s.rows, err = numberRows(expanded.text, keyword == "SEQx")
	}
	return s, err
}

// checkNames returns an error for names that ~SEQ or ~LST cannot define.
func (l *lines) checkNames(names []string, isList bool) error {
	if len(names) != 1 && !isList {
		return errors.New("~SEQ takes one name")
	}
	for _, name := range names {
		if name == "" || nameLength(name) != len(name) || strings.HasSuffix(l.definitions[name], `\`) {
			return fmt.Errorf("%q is not the name of a definition, or that of one with several lines", name)
		}
	}
	return nil
}

// cutNames cuts "NAME, ARGUMENTS" or "{NAME, NAME}, ARGUMENTS".
func cutNames(text string) (names []string, arguments string, braces bool) {
	if row := rowPattern.FindStringSubmatch(text); row != nil {
		return splitValues(row[1]), strings.Trim(text[len(row[0]):], " \t"), true
	}
	name, arguments, _ := strings.Cut(text, ",")
	return splitValues(name), strings.Trim(arguments, " \t"), false
}

func splitValues(text string) []string {
	values := strings.Split(text, ",")
	for i := range values {
		values[i] = strings.Trim(values[i], " \t")
	}
	return values
}

// listRows returns the rows of ~LST: values of one name, or rows in braces.
func listRows(text string, names int, braces bool) (rows [][]string, err error) {
	if !braces {
		for _, value := range splitValues(text) {
			rows = append(rows, []string{value})
		}
	}
	for braces && text != "" {
		row := rowPattern.FindStringSubmatch(text)
		if row == nil {
			return nil, errors.New("the values of ~LST are not rows in braces, as its names are")
		}
		rows, text = append(rows, splitValues(row[1])), text[len(row[0]):]
	}
	for _, row := range rows {
		if err := checkRow(row, names); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func checkRow(row []string, names int) error {
	if len(row) != names {
		return errors.New("a row of ~LST has not as many values as ~LST has names")
	}
	for _, value := range row {
		if !valuePattern.MatchString(value) {
			return fmt.Errorf("%q in ~LST is not a value of letters, digits and _./:-", value)
		}
	}
	return nil
}

// numberRows returns the rows of ~SEQ. Numbers are those of strtol(3) with base 0.
func numberRows(text string, hexadecimal bool) (rows [][]string, err error) {
	numbers, err := parseNumbers(text)
	if err != nil {
		return nil, err
	}
	start, step, end, ok := limits(numbers)
	if !ok || hexadecimal && (start < 0 || end < 0) {
		return nil, errors.New("keepalived refuses the numbers of this ~SEQ")
	}
	if (end-start)/step >= maxLines {
		return nil, fmt.Errorf("~SEQ stands for more than %d lines", maxLines)
	}
	base := map[bool]int{false: 10, true: 16}[hexadecimal]
	for n := start; step > 0 && n <= end || step < 0 && n >= end; n += step {
		rows = append(rows, []string{strconv.FormatInt(n, base)})
	}
	return rows, nil
}

func parseNumbers(text string) (numbers []int64, err error) {
	for _, value := range splitValues(text) {
		n, err := strconv.ParseInt(value, 0, 64)
		if err != nil || !numberPattern.MatchString(value) || n > maxValue || n < -maxValue {
			return nil, fmt.Errorf("%q in ~SEQ is not a number up to %d", value, maxValue)
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// limits returns the first number, the step and the last number. The first one is 1 or -1 without
// a number of its own. It reports whether keepalived takes them.
func limits(numbers []int64) (start, step, end int64, ok bool) {
	direction := func(forward bool) int64 {
		if forward {
			return 1
		}
		return -1
	}
	switch len(numbers) {
	case 1:
		end = numbers[0]
		return direction(end >= 0), direction(end > 0), end, true
	case 2:
		return numbers[0], direction(numbers[0] <= numbers[1]), numbers[1], true
	case 3:
		start, step, end = numbers[0], numbers[1], numbers[2]
		return start, step, end, step != 0 && (start >= end || step > 0) && (start <= end || step < 0)
	}
	return 0, 0, 0, false
}
