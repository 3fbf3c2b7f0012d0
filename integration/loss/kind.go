package main

import (
	"context"
	"errors"
	"time"
)

// A kind is a kind of change: a sequence of specs that is applied repeatedly.
type kind struct {
	name    string
	specs   []document
	apply   applyFunc // nil: throughEngine
	control bool      // a reload without lvsmark, which must lose packets
}

// run applies the specs under load. It counts only applies during which packets
// arrived.
func (k kind) run(ctx context.Context, load Load, reapplies int) (r row, err error) {
	s, err := newTestbed()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := throughEngine(ctx, s, k.specs[0]); err != nil {
		return r, err
	}
	marks := marksOfAll(k.specs)
	o, err := s.newObserver(marks)
	if err != nil {
		return r, err
	}
	defer o.close()
	sending, err := s.start(load, marks.packets())
	if err != nil {
		return r, err
	}
	r = row{kind: k.name, control: k.control}
	begin := time.Now()
	r.reapplies, err = k.repeat(ctx, s, o, reapplies)
	r.duration = time.Since(begin)
	if err := errors.Join(err, sending.stop()); err != nil {
		return r, err
	}
	r.count, err = o.waitForSilence()
	return r, err
}

// repeat applies until it has counted enough applies; a control continues until it has
// lost a packet, within limits. It returns the number of counted applies.
func (k kind) repeat(ctx context.Context, s *testbed, o *observer, reapplies int) (counted int, err error) {
	apply := k.apply
	if apply == nil {
		apply = throughEngine
	}
	var before, after count
	for i := 1; i <= k.tries(reapplies); i++ {
		if before, err = o.waitForTraffic(after); err != nil {
			return counted, err
		}
		if err = apply(ctx, s, k.specs[i%len(k.specs)]); err != nil {
			return counted, err
		}
		if after, err = o.read(); err != nil {
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

// tries limits the applies of a kind: other processes may leave the sender no CPU
// time, or a control may lose nothing.
func (k kind) tries(reapplies int) int {
	if k.control {
		return max(20*reapplies, 5000)
	}
	return 20 * reapplies
}
