package lvsmark

import "fmt"

// An Effect is what a change does to live traffic. Each is worse than the one
// before it.
type Effect string

// The effects of a Change.
const (
	Safe   Effect = "safe"   // nobody notices: connections go on, new ones are served
	Drains Effect = "drains" // connections go on; new ones come no longer, or go elsewhere
	Cuts   Effect = "cuts"   // connections end
)

// atLeast reports whether the effect is as bad as the other, which may be empty.
func (e Effect) atLeast(other Effect) bool {
	return e.badness() >= other.badness()
}

func (e Effect) badness() int {
	switch e {
	case Cuts:
		return 2
	case Drains:
		return 1
	}
	return 0
}

// An Impact is what one change does to live traffic, by what the kernel held
// when the change was planned. No connection counts in two impacts of a plan.
type Impact struct {
	Effect      Effect `json:"effect"`
	Connections int    `json:"connections,omitempty"` // that are cut
	Unknown     bool   `json:"unknown,omitempty"`     // how many are cut cannot be told
	Cluster     string `json:"cluster,omitempty"`     // whose connections; "fwmark 21" where nobody knows its name
	Server      string `json:"server,omitempty"`      // name or address of the real server that they are with
	Detail      string `json:"detail,omitempty"`      // why, and what else there is to know
}

// String is as in "cuts 12 connections of ftp with 10.0.0.12: 12 active, 0
// inactive, 3 persistent".
func (i Impact) String() string {
	text := string(i.Effect)
	if i.Effect == Cuts {
		text += i.victims()
	}
	if i.Detail != "" {
		text += ": " + i.Detail
	}
	return text
}

func (i Impact) victims() string {
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
