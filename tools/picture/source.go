package main

import (
	"fmt"
	"strconv"
	"strings"
)

// A picture has a row for each connection.
type picture struct {
	lanes []lane
	rows  []row
}

// A lane is a host.
type lane struct {
	name    string
	columns int
}

type row struct {
	title string
	steps []step
}

// A step is a box in a column of a row.
type step struct {
	column int
	kind   string
	lines  []string
}

func parse(text string) (*picture, error) {
	p := &picture{}
	for i, line := range strings.Split(text, "\n") {
		keyword, rest, _ := strings.Cut(line, " ")
		var err error
		switch {
		case line == "" || keyword == "#":
		case keyword == "lane":
			err = p.lane(rest)
		case keyword == "row":
			p.rows = append(p.rows, row{title: rest})
		case keyword == "step" && len(p.rows) > 0:
			err = p.rows[len(p.rows)-1].step(rest)
		default:
			err = fmt.Errorf("unknown keyword %q", keyword)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	return p, nil
}

func (p *picture) lane(text string) error {
	at := strings.LastIndex(text, " ")
	columns, err := strconv.Atoi(text[at+1:])
	p.lanes = append(p.lanes, lane{text[:max(at, 0)], columns})
	return err
}

func (r *row) step(text string) error {
	fields := strings.SplitN(text, " ", 3)
	if len(fields) < 3 {
		return fmt.Errorf("a step needs a column, a kind and a text")
	}
	column, err := strconv.Atoi(fields[0])
	if colours[fields[1]] == "" {
		return fmt.Errorf("unknown kind %q", fields[1])
	}
	r.steps = append(r.steps, step{column, fields[1], strings.Split(fields[2], "/")})
	return err
}
