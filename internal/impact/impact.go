package impact

import "fmt"

// An Effect is what a change does to live traffic, in increasing order of severity.
type Effect string

// The effects of a change.
const (
	Safe   Effect = "safe"   // connections continue, new ones reach a real server
	Drains Effect = "drains" // connections continue; new ones are refused, or reach another service
	Cuts   Effect = "cuts"   // connections end
)

// AtLeast reports whether the effect is at least as severe as other, which may be empty.
func (e Effect) AtLeast(other Effect) bool { return e.severity() >= other.severity() }

func (e Effect) severity() int {
	switch e {
	case Cuts:
		return 2
	case Drains:
		return 1
	}
	return 0
}

// An Impact is what one change does to live traffic, in the state that the kernel had
// when the change was planned. A connection counts in at most one impact of a plan.
type Impact struct {
	Effect      Effect `json:"effect"`
	Connections int    `json:"connections,omitempty"` // number of cut connections
	Unknown     bool   `json:"unknown,omitempty"`     // the number of cut connections is unknown
	Cluster     string `json:"cluster,omitempty"`     // the cluster of the connections; "fwmark 21" if its name is unknown
	Server      string `json:"server,omitempty"`      // name or address of the real server of the connections
	Detail      string `json:"detail,omitempty"`      // the reason and further facts
	Reassigns   bool   `json:"-"`                     // connections of other real servers count too: a drain does not prevent it
}

// String returns, for example, "cuts 12 connections of ftp with 10.0.0.12: 12 active, 0
// inactive, 3 persistent".
func (i Impact) String() string {
	text := string(i.Effect)
	if i.Effect == Cuts {
		text += i.connections()
	}
	if i.Detail != "" {
		text += ": " + i.Detail
	}
	return text
}

// connections describes the cut connections.
func (i Impact) connections() string {
	text := ""
	switch {
	case i.Unknown:
		text = " an unknown number of connections"
	case i.Connections > 0:
		text = " " + countOf(i.Connections, "connection")
	}
	if i.Cluster != "" {
		text += " of " + i.Cluster
	}
	if i.Server != "" {
		text += " with " + i.Server
	}
	return text
}

func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
