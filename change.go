// Package lvsmark is the engine: it plans, applies and deletes what one spec
// means for the kernel of a director. The order of things is in Apply.
package lvsmark

import "fmt"

// An Op says what a Change does.
type Op string

// The operations of a Change.
const (
	Add    Op = "add"
	Delete Op = "delete"
	Edit   Op = "edit"
)

// A Change is one difference between the kernel and the spec, as `lvsmark diff`
// lists it. It is for reading: what is committed are the changes of nft and
// ipvs that it was made from.
type Change struct {
	Op     Op     `json:"op"`
	Kind   string `json:"kind"`             // table, chain, rule, map, set, element, service, real-server, setting, address
	Where  string `json:"where"`            // what holds the object: "table ip lvsmark", "map ip lvsmark tcp_21", "service fwmark 21 IPv4"; empty: the kernel
	Before string `json:"before,omitempty"` // the object as it is; empty when it is added
	After  string `json:"after,omitempty"`  // the object as it will be; empty when it is deleted
	Impact Impact `json:"impact"`
}

// String is the change on one line, as in "edit element 192.0.2.1 : 0x00000016 ->
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
