// Package measure measures programs side by side. What is compared runs in turn,
// round by round, and only the ratios of the same round count: a machine that is
// slower for a while is so for all of them.
package measure

// Options are those of a section of the benchmark, which is a
// func(Options) ([]Row, error).
type Options struct {
	Rounds  int    // 0: as many as the section itself finds right
	Smoke   bool   // few rounds and small sizes: shows that it works, not how fast
	Lvsmark string // path of the program
	Log     func(format string, args ...any)
}

// RoundsOr is the number of rounds, where the section finds so many right.
func (o Options) RoundsOr(rounds int) int {
	switch {
	case o.Rounds > 0:
		return o.Rounds
	case o.Smoke:
		return 1
	}
	return rounds
}
