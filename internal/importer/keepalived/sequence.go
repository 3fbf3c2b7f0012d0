package keepalived

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A sequence is a line with ~SEQ or ~LST: keepalived reads the rest of the line once for each row
// of values, and the last values stay defined.
type sequence struct {
	names []string
	rows  [][]string // that are not read yet
	rest  string
}

var errNotSequence = errors.New("the line is not ~SEQ(NAME, [[START,] [STEP,]] END) TEXT or ~LST(NAME, VALUE, …) TEXT")

// maxValue is the limit of the numbers of ~SEQ.
const maxValue = 1 << 40

var (
	sequencePattern = regexp.MustCompile(`^~(SEQx?|LST)[ \t]*\(([^)]*)\)[ \t]*(.+)$`)
	numberPattern   = regexp.MustCompile(`^[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)$`)
	valuePattern    = regexp.MustCompile(`^[0-9A-Za-z_./:-]+$`)
	rowPattern      = regexp.MustCompile(`^[ \t]*\{([^{}]*)\}[ \t]*(?:,|$)`)
)

// addSequence begins a sequence.
func (l *lines) addSequence(text string) {
	s, err := l.parseSequence(text)
	if err != nil {
		l.remark("%v", err)
		l.sequences = nil // one remark is enough for a line
		return
	}
	if len(s.rows) > 0 {
		l.sequences = append(l.sequences, s)
	}
}

// nextRow defines the next values of the last sequence, and returns what follows ~SEQ or ~LST.
func (l *lines) nextRow() string {
	s := l.sequences[len(l.sequences)-1]
	for i, name := range s.names {
		l.setDefinition(name, definition{value: s.rows[0][i]})
	}
	if s.rows = s.rows[1:]; len(s.rows) == 0 {
		l.sequences = l.sequences[:len(l.sequences)-1]
	}
	return s.rest
}

func (l *lines) parseSequence(text string) (*sequence, error) {
	found := sequencePattern.FindStringSubmatch(text)
	if found == nil {
		return nil, errNotSequence
	}
	keyword, isList := found[1], found[1] == "LST"
	names, arguments, braces := cutNames(found[2])
	if err := l.checkNames(names, isList); err != nil {
		return nil, err
	}
	s := &sequence{names: names, rest: found[3]}
	var err error
	if isList {
		s.rows, err = listRows(arguments, len(names), braces)
		return s, err
	}
	if arguments, err = l.expandNumbers(arguments); err == nil {
		s.rows, err = numberRows(arguments, keyword == "SEQx")
	}
	return s, err
}

// maxNumbers is the size of keepalived's buffer for the numbers of ~SEQ and the parenthesis.
const maxNumbers = 64

// expandNumbers replaces definitions among the numbers of ~SEQ.
func (l *lines) expandNumbers(text string) (string, error) {
	text += ")" // no definition of several lines is replaced ahead of it
	if len(text)+1 > maxNumbers {
		return "", fmt.Errorf("keepalived refuses the numbers of this ~SEQ: they have more than %d characters", maxNumbers-2)
	}
	text, _ = l.replace(text, maxNumbers)
	switch at := strings.IndexByte(text, '$'); {
	case l.reason != "":
		return "", errors.New(l.reason)
	case at >= 0:
		return "", errors.New(l.whyNotReplaced(text[at+1:]))
	}
	return strings.TrimSuffix(text, ")"), nil
}

// checkNames returns an error for names that ~SEQ or ~LST cannot define.
func (l *lines) checkNames(names []string, isList bool) error {
	if len(names) != 1 && !isList {
		return errors.New("~SEQ takes one name")
	}
	for _, name := range names {
		if name == "" || nameLength(name) != len(name) || l.definitions[name].multiline || l.definitions[name].unknown != "" {
			return fmt.Errorf("%q is not the name of a definition, or that of one with several lines or an unknown value", name)
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
