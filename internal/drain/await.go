package drain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lvsmark/lvsmark/ipvs"
)

// ErrStopped means that the wait ended before the drain did.
var ErrStopped = errors.New("drain interrupted: the weight stays 0, and `lvsmark drain` continues")

// A Kernel reads services and sysctls.
type Kernel interface {
	Services(expected ...ipvs.Key) ([]ipvs.VirtualService, error)
	ReadSetting(name string) (string, error)
}

// A Clock is functions of package time.
type Clock interface {
	Now() time.Time
	After(time.Duration) <-chan time.Time
}

// A Wait is how to wait for the end of a drain.
type Wait struct {
	Kernel   Kernel
	Clock    Clock
	Poll     time.Duration // between two reads of the services
	Limit    time.Duration // 0: none
	Progress func(string)  // called with what is left, if it has changed
}

// Await waits until the drain has ended, and returns what is left at the end.
func (s Servers) Await(ctx context.Context, w Wait) (left Remaining, ended bool, err error) {
	start, reported := w.Clock.Now(), ""
	for {
		services, err := w.Kernel.Services(s.Keys()...)
		if err != nil {
			return left, false, fmt.Errorf("%w; %w", ErrStopped, err)
		}
		if err := s.removed(services); err != nil {
			return left, false, err
		}
		left = s.Remaining(services)
		if left.Weight != 0 {
			return left, false, fmt.Errorf("another process has set the weight to %d: the drain has ended", left.Weight)
		}
		if left.Ended(IgnoresTemplates(w.Kernel)) {
			return left, true, nil
		}
		if text := left.String(); text != reported {
			w.Progress("drain: " + text)
			reported = text
		}
		pause := w.Poll
		if w.Limit > 0 {
			if pause = min(pause, w.Limit-w.Clock.Now().Sub(start)); pause <= 0 {
				return left, false, nil
			}
		}
		select {
		case <-ctx.Done():
			return left, false, fmt.Errorf("%w; %s left", ErrStopped, left)
		case <-w.Clock.After(pause):
		}
	}
}

// removed returns an error if a service lacks a real server of the drain: its connections are
// not counted then, and continue if the other process adds it again.
func (s Servers) removed(services []ipvs.VirtualService) error {
	for _, key := range s.Keys() {
		i := slices.IndexFunc(services, func(v ipvs.VirtualService) bool { return v.Key == key })
		for _, server := range s.byService[key] {
			if i < 0 || !slices.ContainsFunc(services[i].Destinations, func(d ipvs.Destination) bool { return d.Endpoint() == endpoint(server) }) {
				return fmt.Errorf("another process has removed real server %s from service %s: the drain has ended", server.Address, key)
			}
		}
	}
	return nil
}

// quiescentSysctl makes the kernel ignore persistence templates of a real server with weight
// 0 (expire_quiescent_template in net/netfilter/ipvs/ip_vs_conn.c).
const quiescentSysctl = "net.ipv4.vs.expire_quiescent_template"

// IgnoresTemplates reports whether the kernel ignores the persistence of real servers with
// weight 0.
func IgnoresTemplates(k Kernel) bool {
	value, err := k.ReadSetting(quiescentSysctl)
	return err == nil && value != "0"
}
