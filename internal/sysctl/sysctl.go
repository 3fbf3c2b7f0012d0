// Package sysctl reads and sets kernel parameters below /proc/sys/net, by the names of
// sysctl(8). It loads no kernel module.
//
// Everything works in the network namespace of the calling thread, so a caller that has
// entered a namespace must have locked its OS thread.
package sysctl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Read returns the value of a sysctl, with each run of white space as one blank. Where
// the sysctl does not exist, the error wraps fs.ErrNotExist and names the module that
// has it; where the caller may not read it, the error wraps ErrPrivilege.
func Read(name string) (string, error) {
	path, err := pathOf(name)
	if err != nil {
		return "", err
	}
	value, err := readFile(path)
	// The kernel ends each value with a new line: without one the value is cut short.
	if err == nil && !bytes.HasSuffix(value, []byte("\n")) {
		err = fmt.Errorf("%q is only the begin of a value: %w", value, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return "", explain("read", name, path, err)
	}
	return normal(string(value)), nil
}

// Write sets a sysctl. It fails as Read does, and also where the kernel then holds another
// value: each apply would write it again.
func Write(name, value string) error {
	path, err := pathOf(name)
	if err != nil {
		return err
	}
	// Neither O_CREATE nor O_TRUNC: a missing sysctl must be an error.
	file, err := openFile(path, os.O_WRONLY)
	if err != nil {
		return explain("set", name, path, err)
	}
	_, err = file.WriteString(value + "\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return explain(fmt.Sprintf("set to %q", value), name, path, err)
	}
	held, err := Read(name)
	if err != nil {
		return err
	}
	if !Equal(held, value) {
		return fmt.Errorf("set sysctl %s: the kernel made %q of %q: write that in the spec", name, held, value)
	}
	return nil
}

// Equal reports whether two values of a sysctl are the same, apart from white space: the
// kernel separates several numbers by tabs, people write blanks.
func Equal(a, b string) bool { return normal(a) == normal(b) }

func normal(value string) string { return strings.Join(strings.Fields(value), " ") }
