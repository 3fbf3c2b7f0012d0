package measure

import "strconv"

// A Bar is a limit on a figure. The zero value is no limit.
type Bar struct {
	Kind  string  `json:"kind"` // "at most", "at least", or empty
	Limit float64 `json:"limit"`
}

const (
	atMost  = "at most"
	atLeast = "at least"
)

// AtMost returns an upper limit; values equal to it are within.
func AtMost(limit float64) Bar { return Bar{atMost, limit} }

// AtLeast returns a lower limit; values equal to it are within.
func AtLeast(limit float64) Bar { return Bar{atLeast, limit} }

func (b Bar) keeps(value float64) bool {
	switch b.Kind {
	case atMost:
		return value <= b.Limit
	case atLeast:
		return value >= b.Limit
	}
	return true
}

// better reports whether now is better than before: higher for AtLeast, else lower.
func (b Bar) better(before, now float64) bool {
	if b.Kind == atLeast {
		return now > before
	}
	return now < before
}

func (b Bar) String() string {
	if b.Kind == "" {
		return ""
	}
	return b.Kind + " " + strconv.FormatFloat(b.Limit, 'f', -1, 64)
}
