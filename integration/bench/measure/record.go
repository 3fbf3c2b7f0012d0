package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// WriteFile writes the rows as JSON.
func WriteFile(path string, rows []Row) error {
	if rows == nil {
		rows = []Row{}
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// ReadFile reads a file of WriteFile.
func ReadFile(path string) ([]Row, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rows []Row
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return rows, nil
}

// ReadRecord is ReadFile, but returns no rows for a missing file.
func ReadRecord(path string) ([]Row, error) {
	rows, err := ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return rows, err
}

// Renew returns the record with the sections of rows replaced. Other sections stay.
func Renew(record, rows []Row) []Row {
	renewed := slices.DeleteFunc(slices.Clone(record), func(old Row) bool {
		return slices.ContainsFunc(rows, func(r Row) bool { return r.Section == old.Section })
	})
	return append(renewed, rows...)
}

// A Move is a figure that changed since the record.
type Move struct {
	Before, Now Row
}

// leastMove is the smallest relative change that counts, however narrow the spread.
const leastMove = 0.05

// Moves returns the rows that moved beyond the spread: their range between the
// quartiles does not overlap that of the record. Rows that only one side has are not
// moves.
func Moves(record, rows []Row) []Move {
	before := make(map[string]Row, len(record))
	for _, r := range record {
		before[r.key()] = r
	}
	var moves []Move
	for _, r := range rows {
		old, ok := before[r.key()]
		apart := r.Low > old.High*(1+leastMove) || r.High < old.Low*(1-leastMove)
		if ok && apart {
			moves = append(moves, Move{old, r})
		}
	}
	return moves
}

func (m Move) direction() string {
	if m.Now.Bar.better(m.Before.Median, m.Now.Median) {
		return "better"
	}
	return "worse"
}

func (m Move) String() string {
	return fmt.Sprintf("%s: %s: %s: %s to %s, was %s to %s",
		m.direction(), m.Now.Section, m.Now.Name,
		number(m.Now.Low), number(m.Now.High), number(m.Before.Low), number(m.Before.High))
}

// key identifies a row in a record.
func (r Row) key() string { return r.Section + "\x00" + r.Name }
