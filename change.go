// Package lvsmark is the engine: it compares a spec with the kernel of a director, and
// applies the difference. PlanSpec and PlanRemoval return a Plan, Apply carries it out.
package lvsmark

import (
	"fmt"

	"github.com/lvsmark/lvsmark/internal/impact"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// An Op says what a Change does.
type Op string

// The operations of a Change.
const (
	Add    Op = "add"
	Delete Op = "delete"
	Edit   Op = "edit"
)

// A Change is one difference between the kernel and the spec, as `lvsmark diff`
// lists it. It is for display only: apply commits the changes of nft and ipvs that it
// describes.
type Change struct {
	Op     Op            `json:"op"`
	Kind   string        `json:"kind"`             // table, chain, rule, map, set, element, service, real-server, setting, address
	Where  string        `json:"where"`            // the container of the object: "table ip lvsmark", "map ip lvsmark tcp_21", "service fwmark 21 IPv4"; empty: the kernel
	Before string        `json:"before,omitempty"` // the object before the change; empty if it is added
	After  string        `json:"after,omitempty"`  // the object after the change; empty if it is deleted
	Impact impact.Impact `json:"impact"`
}

// String returns the change on one line, for example "edit element 192.0.2.1 : 0x00000016 ->
// 192.0.2.1 : 0x00000015 of map ip lvsmark tcp_21".
func (c Change) String() string {
	object := c.Before + c.After
	if c.Op == Edit {
		object = c.Before + " -> " + c.After
	}
	text := fmt.Sprintf("%s %s %s", c.Op, c.Kind, object)
	if c.Where != "" {
		text += " of " + c.Where
	}
	return text
}

// makePrintable escapes the texts, which can contain names and comments of other programs.
func (c *Change) makePrintable() {
	c.Where, c.Before, c.After = printable.Line(c.Where), printable.Line(c.Before), printable.Line(c.After)
	c.Impact.Detail = printable.Line(c.Impact.Detail)
}

// Sum adds up the impacts of changes.
func Sum(changes []Change) impact.Summary {
	return impact.Sum(func(yield func(impact.Impact) bool) {
		for i := range changes {
			if !yield(changes[i].Impact) {
				return
			}
		}
	})
}

// A settingChange is a new value of a sysctl, an IPVS timeout or a sync daemon.
type settingChange struct {
	name, before, after string
	fault               string // see observed
}

// beforeText returns the previous value, with the reason why a sync daemon does not work.
func (s settingChange) beforeText() string {
	if s.fault == "" {
		return s.before
	}
	return fmt.Sprintf("%s (%s)", s.before, s.fault)
}

// The functions below convert changes for display. Each list of impacts is in the order
// of the changes.

func settingChanges(list []settingChange, impacts []impact.Impact) []Change {
	changes := make([]Change, len(list))
	for i, s := range list {
		changes[i] = Change{
			Op: Edit, Kind: "setting", Before: s.name + " = " + s.beforeText(), After: s.name + " = " + s.after,
			Impact: impacts[i],
		}
		changes[i].makePrintable()
	}
	return changes
}

func serviceChanges(list []ipvs.Change, impacts []impact.Impact) []Change {
	changes := make([]Change, len(list))
	for i, c := range list {
		changes[i] = Change{
			Op: Op(c.Verb()), Kind: c.Kind(), Where: c.Where(), Before: c.BeforeText(), After: c.AfterText(),
			Impact: impacts[i],
		}
		changes[i].makePrintable()
	}
	return changes
}

func rulesetChanges(list []nft.Change, impacts []impact.Impact) []Change {
	changes := make([]Change, len(list))
	for i := range list {
		c := &list[i]
		changes[i] = Change{
			Op: Op(c.Op), Kind: c.Kind(), Where: c.Where(), Before: c.BeforeText(), After: c.AfterText(),
			Impact: impacts[i],
		}
		changes[i].makePrintable()
	}
	return changes
}
