package main

import (
	"context"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// lastWriteTimeout limits a write after a signal.
const lastWriteTimeout = time.Second

// An outputFile is standard output or standard error. A write to a pipe, or to a terminal, that
// no process reads blocks: it fails soon after a signal, so that the first signal ends the process.
type outputFile struct {
	file *os.File
	ctx  context.Context

	mu     sync.Mutex // progress writes from a goroutine of its own
	broken error      // of a write that did not return: later ones would overtake it
}

var _ io.Writer = (*outputFile)(nil)

func newOutputFile(ctx context.Context, file *os.File) *outputFile {
	return &outputFile{file: file, ctx: ctx}
}

// Write writes text. If it does not return within lastWriteTimeout after the signal, the error is
// the cause of the context.
func (o *outputFile) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken != nil {
		return 0, o.broken
	}
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	text = slices.Clone(text) // the caller may change it when this write was given up
	go func() {
		n, err := o.file.Write(text)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-o.ctx.Done():
	}
	select {
	case r := <-done:
		return r.n, r.err
	case <-time.After(lastWriteTimeout):
		o.broken = context.Cause(o.ctx)
		return 0, o.broken
	}
}

// fileOf returns the file that w writes to, or nil.
func fileOf(w io.Writer) *os.File {
	switch w := w.(type) {
	case *outputFile:
		return w.file
	case *os.File:
		return w
	}
	return nil
}
