package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// addOut adds the flag --out.
func addOut(cmd *cobra.Command, value *string) {
	cmd.Flags().Var((*outName)(value), "out", "write the output to `FILE`, completely or not at all; - is standard output")
}

// An outName is the value of --out. Without a name, and with - as in other programs, the output
// goes to standard output; an empty name is mostly an unset variable of a script.
type outName string

func (o *outName) String() string { return string(*o) }

func (o *outName) Type() string { return "file" }

func (o *outName) Set(name string) error {
	switch name {
	case "":
		return errors.New("must be the name of a file")
	case "-":
		name = ""
	}
	*o = outName(name)
	return nil
}

// toFile calls write with streams whose standard output is the file. If there is no name, it is
// standard output itself.
func (s streams) toFile(ctx context.Context, name, what string, write func(streams) error) error {
	if name == "" {
		return write(s)
	}
	var b bytes.Buffer
	to := s
	to.out = &b
	if err := write(to); err != nil {
		return err
	}
	return writeFile(ctx, name, what, &b, 0o644)
}

// lastDiffFile is where lvsmark-diff.service leaves the output of diff.
const lastDiffFile = "/run/lvsmark/diff.json"

// A lastDiff is the result of the last diff by lvsmark-diff.timer.
type lastDiff struct {
	Time        time.Time `json:"time"` // of the file
	Differences int       `json:"differences"`
}

// readLastDiff returns the result in the file, or nil if there is none.
func readLastDiff(path string) (*lastDiff, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	var document changesDocument
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		return nil, fmt.Errorf("the last diff of lvsmark-diff.timer: %w", err)
	}
	return &lastDiff{Time: info.ModTime().UTC().Truncate(time.Second), Differences: len(document.Changes)}, nil
}

// String returns, for example, "lvsmark-diff.timer, 2026-01-02 03:04:05: 2 differences".
func (d *lastDiff) String() string {
	found := fmt.Sprintf("%d differences", d.Differences)
	switch d.Differences {
	case 0:
		found = "no difference"
	case 1:
		found = "1 difference"
	}
	return fmt.Sprintf("lvsmark-diff.timer, %s: %s", d.Time.Local().Format(time.DateTime), found)
}
