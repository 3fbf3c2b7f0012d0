package main

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errSignal = errors.New("signal received")

// TestFullPipe: a write that blocks ends after the context, and later ones fail at once.
func TestFullPipe(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	out := newOutputFile(ctx, w)
	failed := make(chan error)
	go func() {
		_, err := out.Write(make([]byte, 1<<20))
		failed <- err
	}()
	_, err = io.ReadFull(r, make([]byte, 100)) // it has begun
	require.NoError(t, err)
	cancel(errSignal)
	require.ErrorIs(t, <-failed, errSignal)
	_, err = io.WriteString(out, "later")
	assert.ErrorIs(t, err, errSignal)
}

// TestMessageAfterSignal: a message that can be written is written after a signal, too.
func TestMessageAfterSignal(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errSignal)
	out := newOutputFile(ctx, w)
	for range 20 {
		_, err = io.WriteString(out, "interrupted\n")
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Len(t, text, 20*len("interrupted\n"))
}

func TestFileOf(t *testing.T) {
	assert.Equal(t, os.Stdout, fileOf(newOutputFile(t.Context(), os.Stdout)))
	assert.Equal(t, os.Stdin, fileOf(os.Stdin))
	assert.Nil(t, fileOf(io.Discard))
}
