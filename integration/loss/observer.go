package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/nftables"

	"github.com/lvsmark/lvsmark/config"
)

// An observer is a foreign table on the director. It counts packets before lvsmark's
// chain; after it, it counts them by result and drops them. It does not change while
// specs are applied.
type observer struct{ conn *nftables.Conn }

// A count has the counters of an observer.
type count struct {
	seen                   uint64 // before the marks
	right, unmarked, wrong uint64 // after the marks
}

func (c count) classified() uint64 { return c.right + c.unmarked + c.wrong }

const watchTable = "watch"

// newObserver loads an observer for packets with these marks.
func (s *testbed) newObserver(marks marks) (*observer, error) {
	if err := s.director.Load(watchText(marks)); err != nil {
		return nil, err
	}
	w := &observer{}
	return w, s.director.Do(func() (err error) {
		w.conn, err = nftables.New(nftables.AsLasting())
		return err
	})
}

func (o *observer) close() { _ = o.conn.CloseLasting() }

// watchText returns a table for each family.
func watchText(marks marks) string {
	elements := map[config.Family][]string{}
	for p, values := range marks {
		family := config.FamilyOf(p.To)
		for _, mark := range values {
			elements[family] = append(elements[family], fmt.Sprintf("%s . %d . %d . %#x", p.To, p.Protocol, p.Port, mark))
		}
	}
	var b strings.Builder
	for _, family := range config.Families() {
		fmt.Fprintf(&b, `table %[1]s %[2]s {
	counter seen {
	}
	counter right {
	}
	counter unmarked {
	}
	counter wrong {
	}
	set right {
		typeof %[1]s daddr . meta l4proto . th dport . meta mark
		size %[3]d
		elements = { %[4]s }
	}
	chain ahead {
		type filter hook prerouting priority raw; policy accept;
		counter name seen
	}
	chain behind {
		type filter hook prerouting priority -120; policy accept;
		%[1]s daddr . meta l4proto . th dport . meta mark @right counter name right drop
		meta mark 0 counter name unmarked drop
		counter name wrong drop
	}
}
`, familyName(family), watchTable, 2*len(elements[family]), strings.Join(elements[family], ", "))
	}
	return b.String()
}

func familyName(f config.Family) string {
	if f == config.IPv4 {
		return "ip"
	}
	return "ip6"
}

// read reads the counters.
func (o *observer) read() (count, error) {
	sum := map[string]uint64{}
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
		objects, err := o.conn.GetObj(&nftables.CounterObj{Table: &nftables.Table{Name: watchTable, Family: family}})
		if err != nil || len(objects) != 4 {
			return count{}, fmt.Errorf("reading counters: found %d of 4: %w", len(objects), err)
		}
		for _, o := range objects {
			if c, ok := o.(*nftables.CounterObj); ok {
				sum[c.Name] += c.Packets
			}
		}
	}
	return count{sum["seen"], sum["right"], sum["unmarked"], sum["wrong"]}, nil
}

// Limits on the wait for counters: 20 seconds for traffic, 200 for silence, plus the
// time of the readings.
const (
	pollInterval = 2 * time.Millisecond
	maxReadings  = 10_000
)

// waitForTraffic waits until packets have arrived since then, and returns the
// counters.
func (o *observer) waitForTraffic(since count) (count, error) {
	for range maxReadings {
		if now, err := o.read(); err != nil || now.seen > since.seen {
			return now, err
		}
		time.Sleep(pollInterval)
	}
	return since, errors.New("no packet arrives at the director")
}

// waitForSilence waits until packets stop, and returns the counters.
func (o *observer) waitForSilence() (count, error) {
	var before count
	for range maxReadings {
		time.Sleep(10 * pollInterval)
		now, err := o.read()
		if err != nil || now == before {
			return now, err
		}
		before = now
	}
	return before, errors.New("packets still arrive although the sender has stopped")
}
