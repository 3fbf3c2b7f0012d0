package main

import (
	"fmt"
	"time"
)

// A row is the result of one kind.
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

// rate returns packets per second.
func (r row) rate() float64 { return float64(r.seen) / max(r.duration.Seconds(), 1e-9) }

// total returns the sum of all rows except the controls.
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

// failure describes what is wrong with a row; "" if nothing.
func (r row) failure(reapplies int) string {
	switch {
	case r.classified() != r.seen:
		return fmt.Sprintf("%s: %d packets arrived, and %d were classified", r.kind, r.seen, r.classified())
	case r.reapplies < reapplies:
		return fmt.Sprintf("%s: packets arrived during only %d re-applies", r.kind, r.reapplies)
	case r.control && r.unmarked == 0:
		return r.kind + ": the control lost nothing, so the measurement shows nothing"
	case !r.control && r.unmarked+r.wrong > 0:
		return fmt.Sprintf("%s: %d packets unmarked, %d wrongly marked", r.kind, r.unmarked, r.wrong)
	}
	return ""
}
