package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxBytes is the maximum size of a file.
const maxBytes = 64 << 20

// Load reads and checks the spec in the file at path. It returns Mistakes if the
// file is readable and wrong, else a *ReadError that wraps the error of package os. Notes are sorted by position; mistakes do not suppress them.
func Load(path string) (*Spec, []Note, error) {
	file, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	return Parse(path, file)
}

// Open opens the file at path for Parse. It refuses directories and files over
// 64 MB, with the errors of Load.
func Open(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, openError(path, err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = openError(path, err)
	case info.IsDir():
		err = &ReadError{fmt.Errorf("%s is a directory", path), "name a file with -c"}
	case info.Mode().IsRegular() && info.Size() > maxBytes:
		err = tooLarge(path)
	default:
		return file, nil
	}
	return nil, errors.Join(err, file.Close())
}

// Parse reads and checks a spec; name is the file's name in mistakes and notes. It
// returns all Mistakes at once, but a syntax error hides the mistakes after it. If
// r fails, it returns a *ReadError that contains name and wraps the error of r. It
// reads at most 64 MB and one byte.
func Parse(name string, r io.Reader) (*Spec, []Note, error) {
	text, large, err := readAll(r)
	switch {
	case err != nil:
		return nil, nil, openError(name, err)
	case large:
		return nil, nil, tooLarge(name)
	}
	report := &report{file: name}
	spec := parse(text, report)
	if err := report.err(); err != nil {
		return nil, report.sortedNotes(), err
	}
	return spec, report.sortedNotes(), nil
}

// readAll reads in chunks, at most maxBytes+1 bytes; large is set if r has more than
// maxBytes. A file is one chunk: joining chunks needs twice the memory.
func readAll(r io.Reader) (text []byte, large bool, err error) {
	var chunks [][]byte
	next := firstChunk(r)
	for size := 0; size <= maxBytes; {
		chunk := make([]byte, min(next, maxBytes+1-size))
		n, err := io.ReadFull(r, chunk)
		size += n
		next = min(max(size, smallChunk), 1<<20)
		chunks = append(chunks, chunk[:n])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			if len(chunks) == 1 {
				return chunk[:n], false, nil
			}
			return bytes.Join(chunks, nil), size > maxBytes, nil
		case err != nil:
			return nil, false, err
		}
	}
	return nil, true, nil
}

const smallChunk = 64 << 10

// firstChunk returns the size of a regular file and one byte more, which tells its end.
func firstChunk(r io.Reader) int {
	if file, ok := r.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			return int(min(info.Size(), maxBytes)) + 1
		}
	}
	return smallChunk
}

// parse turns the text into YAML nodes, then into a file with positions, then into
// a spec. The spec is valid only if no mistake was reported.
func parse(text []byte, report *report) *Spec {
	if !scan(text, report) {
		return nil
	}
	root := readDocument(text, report)
	if root == nil {
		return nil
	}
	file := (&decoder{report: report, mappingsWith: mappingsWith}).file(root)
	return check(file, report)
}

func tooLarge(name string) error {
	return Mistakes{{
		File: name, Line: 1, Column: 1,
		Message: "the file is over 64 MB; a spec is far smaller, so name the right file",
	}}
}

// A ReadError is the error of a file that cannot be read. Err names the file.
type ReadError struct {
	Err  error
	hint string // for a file of the flag -c
}

func (e *ReadError) Error() string { return e.Err.Error() + "; " + e.hint }

// Unwrap returns the error of package os, with the file's name.
func (e *ReadError) Unwrap() error { return e.Err }

// openError adds a hint to an error. Errors of package os have the file's name
// already; to others it adds the name.
func openError(name string, err error) error {
	if _, named := errors.AsType[*fs.PathError](err); !named {
		err = fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &ReadError{err, "write a spec there, or name another file with -c"}
	case errors.Is(err, fs.ErrPermission):
		return &ReadError{err, "run as a user that may read it, or name another file with -c"}
	}
	return &ReadError{err, "name a file that can be read with -c"}
}
