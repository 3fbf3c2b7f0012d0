package main

import (
	"sync"
	"time"
)

// progressDelay is how long the operator waits before being told what goes on.
const progressDelay = time.Second

// A progress names the steps of a run on standard error, from the moment that
// it takes longer than progressDelay. The zero value says nothing.
type progress struct {
	mu    sync.Mutex
	say   func(format string, args ...any) // nil: nobody reads it
	timer *time.Timer
	late  bool
	last  string
}

// newProgress begins to wait if a terminal shows what it would say.
func newProgress(s streams) *progress {
	p := &progress{}
	if isTerminal(s.err) {
		p.start(s.say)
	}
	return p
}

func (p *progress) start(say func(string, ...any)) {
	p.say = say
	p.timer = time.AfterFunc(progressDelay, p.tell)
}

// tell names the step that is under way, and has all further ones named at
// once.
func (p *progress) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = true
	if p.last != "" {
		p.say("lvsmark: %s", p.last)
	}
}

func (p *progress) step(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = name
	if p.late {
		p.say("lvsmark: %s", name)
	}
}

func (p *progress) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}
