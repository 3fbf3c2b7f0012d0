package ipvs

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// An Op is a kernel call that changes IPVS.
type Op uint8

// The operations of a Change.
const (
	AddService  Op = iota + 1
	EditService    // all fields at once
	DelService     // Diff deletes its destinations before
	AddDestination
	EditDestination // all fields at once, but address and port
	DelDestination
)

// A Change is one kernel call. It holds enough to be undone by another one.
type Change struct {
	Op Op

	// Service is the service that is changed, or whose destination is. When it is
	// edited, Service is the new state and Previous the old one.
	Service, Previous Service

	// Before and After are the old and new state of the destination; the zero
	// Destination where it is absent, and in changes of services.
	Before, After Destination
}

// Inverse returns the change that undoes c. Several changes are undone by their inverses
// in reverse order.
func (c Change) Inverse() Change {
	inverse := Change{Service: c.Service, Previous: c.Previous, Before: c.After, After: c.Before}
	switch c.Op {
	case AddService:
		inverse.Op = DelService
	case DelService:
		inverse.Op = AddService
	case AddDestination:
		inverse.Op = DelDestination
	case DelDestination:
		inverse.Op = AddDestination
	case EditDestination:
		inverse.Op = EditDestination
	case EditService:
		inverse.Op = EditService
		inverse.Service, inverse.Previous = c.Previous, c.Service
	}
	return inverse
}

// Disrupts reports whether the change ends connections. It is made once no packet
// carries the mark any longer, or once no new connection is meant for the destination.
func (c Change) Disrupts() bool { return c.Op == DelService || c.Op == DelDestination }

// Verb is "add", "edit" or "delete".
func (c Change) Verb() string {
	switch c.Op {
	case AddService, AddDestination:
		return "add"
	case DelService, DelDestination:
		return "delete"
	default:
		return "edit"
	}
}

// OnService reports whether the change is one of a service itself, not of one of its
// destinations.
func (c Change) OnService() bool { return c.Op <= DelService }

// Kind is "service" or "real-server".
func (c Change) Kind() string {
	if c.OnService() {
		return "service"
	}
	return "real-server"
}

// Where returns what holds the object: "service fwmark 21 IPv4" for a real server;
// nothing for a service.
func (c Change) Where() string {
	if c.OnService() {
		return ""
	}
	return "service " + c.Service.Key.String()
}

// BeforeText returns the old state of the object in the flags of ipvsadm: "-f 21 -s wlc -p
// 300", "10.0.0.11:0 -m -w 1". It is empty when the object is added.
func (c Change) BeforeText() string {
	switch c.Op {
	case EditService:
		return c.Previous.describe()
	case DelService:
		return c.Service.describe()
	case EditDestination, DelDestination:
		return c.Before.describe()
	}
	return ""
}

// AfterText returns the new state of the object, like BeforeText. It is empty when the
// object is deleted.
func (c Change) AfterText() string {
	switch c.Op {
	case AddService, EditService:
		return c.Service.describe()
	case AddDestination, EditDestination:
		return c.After.describe()
	}
	return ""
}

func (s Service) describe() string { return s.Key.flags() + " " + s.flags() }

// describe names the forwarding methods that share ipvsadm's -g.
func (d Destination) describe() string {
	if d.RawForwarding != 0 {
		return fmt.Sprintf("%s (%s)", d.flags(), d.method())
	}
	return d.flags()
}

// String is for the operator: "real server 10.0.0.11 of fwmark 21 IPv4: weight 1 -> 5",
// "add service fwmark 21 IPv4: -s wlc -p 300".
func (c Change) String() string {
	switch c.Op {
	case EditService:
		return fmt.Sprintf("service %s: %s", c.Service.Key, differences(c.Previous.fields(), c.Service.fields()))
	case EditDestination:
		return fmt.Sprintf("%s: %s", c.Object(), differences(c.Before.fields(), c.After.fields()))
	case AddService:
		return fmt.Sprintf("add %s: %s", c.Object(), c.Service.flags())
	case AddDestination:
		_, flags, _ := strings.Cut(c.After.describe(), " ")
		return fmt.Sprintf("add %s: %s", c.Object(), flags)
	default:
		return "delete " + c.Object()
	}
}

// Object names the changed object: "real server 10.0.0.11 of fwmark 21 IPv4".
func (c Change) Object() string {
	if c.OnService() {
		return "service " + c.Service.Key.String()
	}
	dest := c.After
	if c.Op == DelDestination {
		dest = c.Before
	}
	return fmt.Sprintf("real server %s of %s", dest.name(), c.Service.Key)
}

func (d Destination) name() string {
	if d.Port == 0 {
		return d.Address.String()
	}
	return netip.AddrPortFrom(d.Address, d.Port).String()
}

// A field is a property of an object, as text.
type field struct{ name, value string }

func (s Service) fields() []field {
	return []field{
		{"scheduler", s.SchedName},
		{"persistence", persistenceText(s.Timeout)},
		{"netmask", s.netmask()},
		{"flags", fmt.Sprintf("%#x", s.Flags)},
		{"persistence engine", orNone(s.PEName)},
	}
}

func (d Destination) fields() []field {
	return []field{
		{"weight", fmt.Sprint(d.Weight)},
		{"forwarding", d.method()},
		{"upper threshold", fmt.Sprint(d.UpperThreshold)},
		{"lower threshold", fmt.Sprint(d.LowerThreshold)},
		{"encapsulation", strings.Join(d.Tunnel.flags(), " ")},
	}
}

// method is the forwarding method by its name in the spec, or else in the kernel.
func (d Destination) method() string {
	switch d.RawForwarding {
	case 0:
		return d.Forwarding.String()
	case methodLocalNode:
		return "local node"
	case methodBypass:
		return "bypass"
	default:
		return fmt.Sprintf("method %d", d.RawForwarding)
	}
}

func persistenceText(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return fmt.Sprintf("%ds", int64(d/time.Second))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func differences(before, after []field) string {
	var list []string
	for i, old := range before {
		if old != after[i] {
			list = append(list, fmt.Sprintf("%s %s -> %s", old.name, old.value, after[i].value))
		}
	}
	return strings.Join(list, ", ")
}
