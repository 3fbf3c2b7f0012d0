package main

import (
	"sync"
	"time"
)

// progressDelay is the time after which a run begins to print its steps.
const progressDelay = time.Second

// A progress prints the steps of a run on standard error once the run takes longer
// than progressDelay. The zero value prints nothing.
type progress struct {
	mu    sync.Mutex
	print func(format string, args ...any) // nil: no terminal
	timer *time.Timer
	late  bool
	last  string
}

// newProgress starts the timer if standard error is a terminal.
func newProgress(s streams) *progress {
	p := &progress{}
	if isTerminal(s.err) {
		p.start(s.printErr)
	}
	return p
}

func (p *progress) start(print func(string, ...any)) {
	p.print = print
	p.timer = time.AfterFunc(progressDelay, p.expire)
}

// expire prints the current step. From then on step prints each new one.
func (p *progress) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = true
	if p.last != "" {
		p.print("lvsmark: %s", p.last)
	}
}

func (p *progress) step(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = name
	if p.late {
		p.print("lvsmark: %s", name)
	}
}

func (p *progress) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
