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
	DelService     // after its destinations
	AddDestination
	EditDestination // all fields except address and port, at once
	DelDestination
)

// A Change is one kernel call. It contains the state that is needed to undo it.
type Change struct {
	Op Op

	// Service is the changed service, or the service of the changed destination. For
	// EditService, Service is the new state and Previous the old one.
	Service, Previous Service

	// Before and After are the old and the new state of the destination; zero if it does not
	// exist, and in changes of services.
	Before, After Destination
}

// Inverse returns the change that undoes c. To undo several changes, apply their inverses
// in reverse order.
func (c Change) Inverse() Change {
	inverse := Change{Service: c.Service, Before: c.After, After: c.Before}
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

// Disrupts reports whether the change ends connections. lvsmark makes such a change last:
// when no packet has the mark of the service, or when the scheduler assigns no new
// connections to the destination.
func (c Change) Disrupts() bool { return c.Op == DelService || c.Op == DelDestination }

// Verb returns "add", "edit" or "delete".
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

// OnService reports whether the change is one of a service, not of a destination.
func (c Change) OnService() bool { return c.Op <= DelService }

// Kind returns "service" or "real-server".
func (c Change) Kind() string {
	if c.OnService() {
		return "service"
	}
	return "real-server"
}

// Where returns the container of the object: "service fwmark 21 IPv4" for a real server,
// empty for a service.
func (c Change) Where() string {
	if c.OnService() {
		return ""
	}
	return "service " + c.Service.Key.String()
}

// BeforeText returns the old state of the object in ipvsadm syntax: "-f 21 -s wlc -p 300",
// "10.0.0.11:0 -m -w 1". It is empty if the object is added. If AfterText would be the same,
// words in parentheses tell what differs.
func (c Change) BeforeText() string {
	switch c.Op {
	case EditService, EditDestination:
		before, _ := c.editTexts()
		return before
	case DelService:
		return c.Service.describe()
	case DelDestination:
		return c.Before.describe()
	}
	return ""
}

// AfterText returns the new state of the object, like BeforeText. It is empty if the object
// is deleted.
func (c Change) AfterText() string {
	switch c.Op {
	case EditService, EditDestination:
		_, after := c.editTexts()
		return after
	case AddService:
		return c.Service.describe()
	case AddDestination:
		return c.After.describe()
	}
	return ""
}

// editTexts returns the texts of an edit. ipvsadm has no flags for some fields, and does not
// print the netmask of a service without persistence.
func (c Change) editTexts() (before, after string) {
	before, after = c.Before.describe(), c.After.describe()
	fieldsBefore, fieldsAfter := c.Before.fields(), c.After.fields()
	if c.Op == EditService {
		before, after = c.Previous.describe(), c.Service.describe()
		fieldsBefore, fieldsAfter = c.Previous.fields(), c.Service.fields()
	}
	if before != after {
		return before, after
	}
	var onlyBefore, onlyAfter []string
	for i, old := range fieldsBefore {
		if next := fieldsAfter[i]; old != next {
			onlyBefore, onlyAfter = append(onlyBefore, old.String()), append(onlyAfter, next.String())
		}
	}
	return before + " (" + strings.Join(onlyBefore, ", ") + ")", after + " (" + strings.Join(onlyAfter, ", ") + ")"
}

func (s Service) describe() string { return s.Key.flags() + " " + s.flags() }

// describe adds the name of a forwarding method that ipvsadm prints as -g.
func (d Destination) describe() string {
	if d.RawForwarding != 0 {
		return fmt.Sprintf("%s (%s)", d.flags(), d.method())
	}
	return d.flags()
}

// String describes the change for the operator: "real server 10.0.0.11 of fwmark 21 IPv4:
// weight 1 -> 5", "add service fwmark 21 IPv4: -s wlc -p 300".
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

// Object returns the name of the changed object: "real server 10.0.0.11 of fwmark 21 IPv4".
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

// A field is a property of an object as text.
type field struct{ name, value string }

func (f field) String() string { return f.name + " " + f.value }

func (s Service) fields() []field {
	return []field{
		{"scheduler", s.SchedName},
		{"persistence", persistenceText(s.Timeout)},
		{"netmask", s.NetmaskText()},
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
		{"encapsulation", d.Tunnel.String()},
	}
}

// String returns the flags of ipvsadm, and fields for which it has none.
func (e Tunnel) String() string {
	flags := strings.Join(e.flags(), " ")
	if e.Type == tunnelIPIP && (e.Port != 0 || e.Flags != 0) || e.Type != tunnelGUE && e.Port != 0 {
		return fmt.Sprintf("%s, port %d, flags %#x", flags, e.Port, e.Flags)
	}
	return flags
}

// method returns the forwarding method: its name in the spec, or else in the kernel.
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
