package main

import (
	"fmt"
	"time"
)

// A row is what came of one kind.
type row struct {
	kind      string
	control   bool
	reapplies int
	duration  time.Duration
	count
}

const heading = "kind                                     re-applies      packets   packets/s   unmarked  wrongly marked"

func (r row) String() string {
	return fmt.Sprintf("%-40s %10d %12d %11.0f %10d %15d", r.kind, r.reapplies, r.seen, r.rate(), r.unmarked, r.wrong)
}

// rate is packets a second.
func (r row) rate() float64 { return float64(r.seen) / max(r.duration.Seconds(), 1e-9) }

// total is that of all but the controls.
func total(rows []row) row {
	sum := row{kind: "all but the controls"}
	for _, r := range rows {
		if r.control {
			continue
		}
		sum.reapplies += r.reapplies
		sum.duration += r.duration
		sum.seen += r.seen
		sum.right += r.right
		sum.unmarked += r.unmarked
		sum.wrong += r.wrong
	}
	return sum
}

// fault is what a row shows that must not be; empty: nothing.
func (r row) fault(reapplies int) string {
	switch {
	case r.classified() != r.seen:
		return fmt.Sprintf("%s: %d packets came, and %d were classified", r.kind, r.seen, r.classified())
	case r.reapplies < reapplies:
		return fmt.Sprintf("%s: only %d re-applies met packets", r.kind, r.reapplies)
	case r.control && r.unmarked == 0:
		return r.kind + ": lost nothing, so that nothing is shown"
	case !r.control && r.unmarked+r.wrong > 0:
		return fmt.Sprintf("%s: %d packets unmarked, %d wrongly marked", r.kind, r.unmarked, r.wrong)
	}
	return ""
}
