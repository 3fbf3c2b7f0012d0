package main

import (
	"context"
	"errors"
	"time"
)

// A kind of change: specs that follow each other again and again, and the way
// in which they are applied.
type kind struct {
	name    string
	specs   []document
	way     way  // nil: throughEngine
	control bool // not lvsmark's way: it has to lose some
}

// play applies the specs under load, so many times. An apply during which no
// packet came through does not count.
func (k kind) play(ctx context.Context, load Load, reapplies int) (r row, err error) {
	s, err := newStage()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := throughEngine(ctx, s, k.specs[0]); err != nil {
		return r, err
	}
	marks := marksOfAll(k.specs)
	w, err := s.newWatch(marks)
	if err != nil {
		return r, err
	}
	defer w.close()
	sending, err := s.start(load, marks.packets())
	if err != nil {
		return r, err
	}
	r = row{kind: k.name, control: k.control}
	begin := time.Now()
	r.reapplies, err = k.repeat(ctx, s, w, reapplies)
	r.duration = time.Since(begin)
	if err := errors.Join(err, sending.stop()); err != nil {
		return r, err
	}
	r.count, err = w.settled()
	return r, err
}

// repeat applies until it has counted enough; a control goes on until it has
// lost a packet, within bounds. It returns how many it has counted.
func (k kind) repeat(ctx context.Context, s *stage, w *watch, reapplies int) (counted int, err error) {
	apply := k.way
	if apply == nil {
		apply = throughEngine
	}
	var before, after count
	for i := 1; i <= k.tries(reapplies); i++ {
		if before, err = w.busy(after); err != nil {
			return counted, err
		}
		if err = apply(ctx, s, k.specs[i%len(k.specs)]); err != nil {
			return counted, err
		}
		if after, err = w.read(); err != nil {
			return counted, err
		}
		if after.seen > before.seen {
			counted++
		}
		if counted >= reapplies && (!k.control || after.unmarked > 0) {
			break
		}
	}
	return counted, nil
}

// tries bounds how often a kind is repeated, where others leave the sender no
// time, or a control loses nothing.
func (k kind) tries(reapplies int) int {
	if k.control {
		return max(20*reapplies, 5000)
	}
	return 20 * reapplies
}
