package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxBytes is the size of file that is still read.
const maxBytes = 64 << 20

// Load reads and checks the spec in the file at path. Its errors are Mistakes
// when the file could be read, else one error that names the file and wraps
// that of package os. Notes come sorted by position, without mistakes too.
func Load(path string) (*Spec, []Note, error) {
	file, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	return Parse(path, file)
}

// Open opens the file at path for Parse. It refuses what cannot be a spec, with
// the errors of Load.
func Open(path string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		err = unreadable(path, err)
	case info.IsDir():
		err = fmt.Errorf("%s is a directory; name a file with -c", path)
	case info.Mode().IsRegular() && info.Size() > maxBytes:
		err = tooLarge(path)
	default:
		return file, nil
	}
	return nil, errors.Join(err, file.Close())
}

// Parse reads and checks a spec; name stands for the file in mistakes and
// notes. Its errors are Mistakes, all of them at once (but a syntax error hides
// what follows it), unless r fails: then one error that names the file and
// wraps that of r. No more than 64 MB is read.
func Parse(name string, r io.Reader) (*Spec, []Note, error) {
	text, large, err := readAll(r)
	switch {
	case err != nil:
		return nil, nil, unreadable(name, err)
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

// readAll reads in pieces, so that what never ends takes no more memory than
// what is read of it, and tells whether that is too much.
func readAll(r io.Reader) (text []byte, large bool, err error) {
	var pieces [][]byte
	for size := 0; size <= maxBytes; {
		piece := make([]byte, min(max(size, 64<<10), 1<<20, maxBytes+1-size))
		n, err := io.ReadFull(r, piece)
		size += n
		pieces = append(pieces, piece[:n])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			if len(pieces) == 1 {
				return piece[:n], false, nil
			}
			return bytes.Join(pieces, nil), size > maxBytes, nil
		case err != nil:
			return nil, false, err
		}
	}
	return nil, true, nil
}

// parse goes from text to nodes, to a file with positions, to a spec. The spec
// is good only when nothing was reported.
func parse(text []byte, report *report) *Spec {
	if !scan(text, report) {
		return nil
	}
	root := readDocument(text, report)
	if root == nil {
		return nil
	}
	file := (&decoder{report}).file(root)
	return check(file, report)
}

func tooLarge(name string) error {
	return Mistakes{{
		File: name, Line: 1, Column: 1,
		Message: "the file is over 64 MB; a spec is far smaller, so name the right file",
	}}
}

// unreadable adds the way out to an error of package os, which names the file
// itself.
func unreadable(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; write a spec there, or name another file with -c", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; run as a user that may read it, or name another file with -c", err)
	}
	if _, named := errors.AsType[*fs.PathError](err); named {
		return fmt.Errorf("%w; name a file that can be read with -c", err)
	}
	return fmt.Errorf("%s: %w; name a file that can be read with -c", name, err)
}
