// Package measure compares programs. They run alternately, round by round, and only
// ratios within a round count: a temporarily slower machine is slower for all of them.
package measure

// Options are the options of a section of the benchmark, which is a
// func(Options) ([]Row, error).
type Options struct {
	Rounds  int    // 0: the section's default
	Smoke   bool   // one round and small sizes: tests the benchmark, figures mean nothing
	Lvsmark string // path of the program
	Log     func(format string, args ...any)
}

// RoundsOr returns the number of rounds; rounds is the section's default.
func (o Options) RoundsOr(rounds int) int {
	switch {
	case o.Rounds > 0:
		return o.Rounds
	case o.Smoke:
		return 1
	}
	return rounds
}
