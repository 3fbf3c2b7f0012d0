package measure

import "strconv"

// A Bar is what a figure has to keep. The zero value is no bar.
type Bar struct {
	Kind  string  `json:"kind"` // "at most", "at least", or empty
	Limit float64 `json:"limit"`
}

const (
	atMost  = "at most"
	atLeast = "at least"
)

// AtMost is kept by the limit and what is below it.
func AtMost(limit float64) Bar { return Bar{atMost, limit} }

// AtLeast is kept by the limit and what is above it.
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

// better says whether a figure that was before has come nearer to what the bar
// asks for; without a bar, less is better.
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
