package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/nftables"

	"github.com/lvsmark/lvsmark/config"
)

// A watch is a table of somebody else's on the director. It counts packets ahead
// of lvsmark's chain, and behind it what became of them, where they end. It does
// not change while specs are applied.
type watch struct{ conn *nftables.Conn }

// A count is what a watch has counted.
type count struct {
	seen                   uint64 // ahead of the marks
	right, unmarked, wrong uint64 // behind them
}

func (c count) classified() uint64 { return c.right + c.unmarked + c.wrong }

const watchTable = "watch"

// newWatch watches for packets of these marks.
func (s *stage) newWatch(marks marks) (*watch, error) {
	if err := s.director.Load(watchText(marks)); err != nil {
		return nil, err
	}
	w := &watch{}
	return w, s.director.Do(func() (err error) {
		w.conn, err = nftables.New(nftables.AsLasting())
		return err
	})
}

func (w *watch) close() { _ = w.conn.CloseLasting() }

// watchText is a table for each family. It expects nothing but TCP.
func watchText(marks marks) string {
	elements := map[config.Family][]string{}
	for p, values := range marks {
		family := config.FamilyOf(p.To)
		for _, mark := range values {
			elements[family] = append(elements[family], fmt.Sprintf("%s . %d . %#x", p.To, p.Port, mark))
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
		typeof %[1]s daddr . tcp dport . meta mark
		size %[3]d
		elements = { %[4]s }
	}
	chain ahead {
		type filter hook prerouting priority raw; policy accept;
		counter name seen
	}
	chain behind {
		type filter hook prerouting priority -120; policy accept;
		%[1]s daddr . tcp dport . meta mark @right counter name right drop
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
func (w *watch) read() (count, error) {
	sum := map[string]uint64{}
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
		objects, err := w.conn.GetObj(&nftables.CounterObj{Table: &nftables.Table{Name: watchTable, Family: family}})
		if err != nil || len(objects) != 4 {
			return count{}, fmt.Errorf("reading counters: %d of 4 are there: %w", len(objects), err)
		}
		for _, o := range objects {
			if c, ok := o.(*nftables.CounterObj); ok {
				sum[c.Name] += c.Packets
			}
		}
	}
	return count{sum["seen"], sum["right"], sum["unmarked"], sum["wrong"]}, nil
}

// pause and mostReadings bound how long a watch waits for its counters: 20
// seconds and more.
const (
	pause        = 2 * time.Millisecond
	mostReadings = 10_000
)

// busy reads the counters once packets came since then.
func (w *watch) busy(since count) (count, error) {
	for range mostReadings {
		if now, err := w.read(); err != nil || now.seen > since.seen {
			return now, err
		}
		time.Sleep(pause)
	}
	return since, errors.New("no packet comes to the director")
}

// settled reads the counters once no packet comes any more.
func (w *watch) settled() (count, error) {
	var before count
	for range mostReadings {
		time.Sleep(10 * pause)
		now, err := w.read()
		if err != nil || now == before {
			return now, err
		}
		before = now
	}
	return before, errors.New("packets come although nobody sends any")
}
