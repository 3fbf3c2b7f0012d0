package main

import "io"

// A stickyWriter keeps the first error of its writes: cobra ignores the errors of printing help.
type stickyWriter struct {
	io.Writer
	err error
}

func (w *stickyWriter) Write(text []byte) (int, error) {
	n, err := w.Writer.Write(text)
	if w.err == nil {
		w.err = err
	}
	return n, err
}
