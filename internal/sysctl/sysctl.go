// Package sysctl reads and sets kernel parameters below /proc/sys/net, by the names of
// sysctl(8). It loads no kernel module.
//
// All functions use the network namespace of the calling thread. A caller that has entered
// a namespace must have locked its OS thread.
package sysctl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Read returns the value of a sysctl, with each run of white space as one blank. If the
// sysctl does not exist, the error wraps fs.ErrNotExist and names the module that provides
// it; without proc on /proc, that is not known. If the caller may not read it, the error wraps ErrPrivilege.
func Read(name string) (string, error) {
	path, err := pathOf(name)
	if err != nil {
		return "", err
	}
	value, err := readFile(path)
	// The kernel ends each value with a newline. Without it the value is truncated.
	if err == nil && !bytes.HasSuffix(value, []byte("\n")) {
		err = fmt.Errorf("the value is truncated after %q: %w", value, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return "", explain("read sysctl "+name, path, err)
	}
	return normal(string(value)), nil
}

// Write sets a sysctl and reads it back. It fails as Read does, and also if the kernel
// stores a different value: each apply would write it again.
func Write(name, value string) error {
	path, err := pathOf(name)
	if err != nil {
		return err
	}
	// Neither O_CREATE nor O_TRUNC: a missing sysctl must be an error.
	file, err := openFile(path, os.O_WRONLY)
	if err != nil {
		return explain("set sysctl "+name, path, err)
	}
	_, err = file.WriteString(value + "\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return explain(fmt.Sprintf("set sysctl %s to %q", name, value), path, err)
	}
	stored, err := Read(name)
	if err != nil {
		return err
	}
	if !Equal(stored, value) {
		return fmt.Errorf("set sysctl %s: the kernel stored %q instead of %q: write %[2]q in the spec", name, stored, value)
	}
	return nil
}

// CheckWritable returns an error if Write would fail for any value: the error that Write
// would return. It changes nothing.
func CheckWritable(name string) error {
	path, err := pathOf(name)
	if err != nil {
		return err
	}
	file, err := openFile(path, os.O_WRONLY)
	if err != nil {
		return explain("set sysctl "+name, path, err)
	}
	return file.Close()
}

// Equal reports whether two values of a sysctl are equal apart from white space: the
// kernel separates numbers by tabs, users by blanks.
func Equal(a, b string) bool { return normal(a) == normal(b) }

func normal(value string) string { return strings.Join(strings.Fields(value), " ") }
