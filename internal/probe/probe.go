package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A TimeoutError is the cause of a context that ended with Options.Timeout.
type TimeoutError struct{ Timeout time.Duration }

func (e *TimeoutError) Error() string { return fmt.Sprintf("no answer within %s", e.Timeout) }

// Run makes sessions one after the other, and calls done for each. It returns an error only if
// ctx ends; what a server does is a finding.
func Run(ctx context.Context, sessions []Session, opts Options, done func(Result)) error {
	limited, cancel := context.WithTimeoutCause(ctx, opts.Timeout, &TimeoutError{opts.Timeout})
	defer cancel()
	for _, planned := range sessions {
		s := &session{Options: opts, result: Result{Session: planned}}
		if limited.Err() != nil {
			s.result.Finding = &Finding{"connect", "connect", fmt.Sprintf("not tried: no time was left of --timeout %s", opts.Timeout)}
		} else {
			s.run(limited)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		done(s.result)
	}
	return nil
}

// A checkError is a failed check that has a name of its own.
type checkError struct{ check, message string }

func (e *checkError) Error() string { return e.message }

func checkErrorf(check, format string, args ...any) error {
	return &checkError{check, fmt.Sprintf(format, args...)}
}

// run makes the session. It ends with the first step that fails.
func (s *session) run(ctx context.Context) {
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	defer s.close()
	for _, step := range s.steps() {
		if s.Progress != nil {
			s.Progress(s.result.Session, step.name)
		}
		start := time.Now()
		detail, err := step.do()
		s.result.Steps = append(s.result.Steps, Step{step.name, time.Since(start), detail})
		if err != nil {
			s.result.Finding = s.finding(step.name, err)
			return
		}
	}
}

func (s *session) finding(step string, err error) *Finding {
	f := &Finding{Step: step, Check: step, Message: s.message(err)}
	if named, ok := errors.AsType[*checkError](err); ok {
		f.Check = named.check
	}
	return f
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
}

// message returns the text of an error, without what the step says already.
func (s *session) message(err error) string {
	if isTimeout(err) {
		if cause := context.Cause(s.ctx); cause != nil {
			return cause.Error()
		}
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok {
		if number, ok := errors.AsType[unix.Errno](operation.Err); ok {
			return number.Error()
		}
	}
	return err.Error()
}

// register closes a connection or listener with the session, and wakes what waits for it when
// the context ends.
func (s *session) register(ctx context.Context, c io.Closer, setDeadline func(time.Time) error) {
	s.closers = append(s.closers, c)
	s.stops = append(s.stops, context.AfterFunc(ctx, func() { _ = setDeadline(time.Unix(1, 0)) }))
}

func (s *session) close() {
	for _, stop := range s.stops {
		stop()
	}
	for _, c := range s.closers {
		_ = c.Close()
	}
}
