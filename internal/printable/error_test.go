package printable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestError: a line break in the name of a file or program forges no cause.
func TestError(t *testing.T) {
	open := &fs.PathError{Op: "open", Path: "a\nb", Err: fs.ErrNotExist}
	link := &os.LinkError{Op: "rename", Old: "c\nd", New: "e\nf", Err: fs.ErrExist}
	program := &exec.Error{Name: "g\nh", Err: exec.ErrNotFound}
	for want, err := range map[string]error{
		`open a\nb: file does not exist`:                                                   open,
		`reading: open a\nb: file does not exist`:                                          fmt.Errorf("reading: %w", open),
		"first\nopen a\\nb: file does not exist":                                           errors.Join(errors.New("first"), open),
		`rename c\nd e\nf: file already exists`:                                            link,
		`exec: "g\nh": executable file not found in $PATH`:                                 program,
		"two \\x1b\nlines":                                                                 errors.New("two \x1b\nlines"),
		`both: open a\nb: file does not exist, rename c\nd e\nf: ` + `file already exists`: fmt.Errorf("both: %w, %w", open, link),
	} {
		assert.Equal(t, want, Error(err))
	}
	assert.Equal(t, "i\\nj is no\nplan", Error(errors.New("i\nj is no\nplan"), "is", "i\nj"))
}
