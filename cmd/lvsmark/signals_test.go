package main

import (
	"context"
	"os"
	"os/signal"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
)

// TestTakeHangup sends SIGHUP all the time while an apply takes it for its confirmation: it
// never ends the process. The last one may come late, so the process receives SIGHUP to its end.
func TestTakeHangup(t *testing.T) {
	need.Hangup(t)
	defer signal.Reset(os.Interrupt, unix.SIGTERM, unix.SIGQUIT)
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	times := 500
	if testing.Short() {
		times = 10 // with one emulated processor, each takes half a second
	}
	for range times {
		ctx := untilSignal()
		end := flood(unix.SIGHUP)
		c := make(chan os.Signal, 1)
		takeHangup(ctx, c)
		end()
		signal.Stop(c)
	}
}

// flood sends a signal to this process until end is called.
func flood(s unix.Signal) (end func()) {
	started, ending, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_ = unix.Kill(os.Getpid(), s)
		close(started)
		for {
			select {
			case <-ending:
				return
			default:
				_ = unix.Kill(os.Getpid(), s)
			}
		}
	}()
	<-started
	return func() {
		close(ending)
		<-ended
	}
}

// TestHangup has a context that SIGHUP ends, until an apply takes SIGHUP.
func TestHangup(t *testing.T) {
	need.Hangup(t)
	defer signal.Reset(os.Interrupt, unix.SIGTERM, unix.SIGQUIT)
	taken, kept := untilSignal(), untilSignal()
	c := make(chan os.Signal, 1)
	takeHangup(taken, c)
	require.NoError(t, unix.Kill(os.Getpid(), unix.SIGHUP))
	for _, done := range []<-chan struct{}{kept.Done(), received(c)} {
		select {
		case <-done:
		case <-time.After(scriptTimeout):
			require.Fail(t, "SIGHUP is lost")
		}
	}
	assert.EqualError(t, context.Cause(kept), "hangup signal received")
	assert.NoError(t, taken.Err())
}

func received(c <-chan os.Signal) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		<-c
		close(done)
	}()
	return done
}
