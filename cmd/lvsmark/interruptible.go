package main

import (
	"context"
	"fmt"
)

// interruptible returns the result of f, or an error when ctx is cancelled by a signal.
// f opens, reads or writes a file, and may block forever on a pipe.
func interruptible[T any](ctx context.Context, name string, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("%s: %w; nothing was changed", name, context.Cause(ctx))
	}
}
