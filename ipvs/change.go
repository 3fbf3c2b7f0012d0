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
	EditService    // all of a header at once
	DelService     // Diff deletes its servers before
	AddDestination
	EditDestination // all of a server at once, but its address and port
	DelDestination
)

// A Change is one kernel call. It holds enough to be undone by another.
type Change struct {
	Op Op

	// Service is the service that is changed, or whose server is. When it is
	// edited, Service is as it will be and Previous as it was.
	Service, Previous Service

	// Before and After are the server as it was and as it will be; the zero
	// Destination where it was or will be absent, and in changes of services.
	Before, After Destination
}

// Inverse returns the change that takes c back. Changes are undone by their
// inverses in reverse order.
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

// Disrupts reports whether the change ends connections: it is for the time when
// no packet carries the mark any longer, or no new one is meant for the server.
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

// OnService reports whether the change is one of a service itself, not of one
// of its servers.
func (c Change) OnService() bool { return c.Op <= DelService }

// Kind is "service" or "real-server".
func (c Change) Kind() string {
	if c.OnService() {
		return "service"
	}
	return "real-server"
}

// Where is what holds the object: for a real server, as in "service fwmark 21
// IPv4"; empty for a service.
func (c Change) Where() string {
	if c.OnService() {
		return ""
	}
	return "service " + c.Service.Key.String()
}

// BeforeText is the object as it was, in the flags of ipvsadm: "-f 21 -s wlc -p
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

// AfterText is the object as it will be, like BeforeText. It is empty when the
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

func (h Service) describe() string { return h.Key.flags() + " " + h.flags() }

// describe tells the forwarding methods apart that share ipvsadm's -g.
func (s Destination) describe() string {
	if s.RawForwarding != 0 {
		return fmt.Sprintf("%s (%s)", s.flags(), s.method())
	}
	return s.flags()
}

// String is for people: "real server 10.0.0.11 of fwmark 21 IPv4: weight 1 ->
// 5", "add service fwmark 21 IPv4: -s wlc -p 300".
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

// Object names what is changed: "real server 10.0.0.11 of fwmark 21 IPv4".
func (c Change) Object() string {
	if c.OnService() {
		return "service " + c.Service.Key.String()
	}
	server := c.After
	if c.Op == DelDestination {
		server = c.Before
	}
	return fmt.Sprintf("real server %s of %s", server.name(), c.Service.Key)
}

func (s Destination) name() string {
	if s.Port == 0 {
		return s.Address.String()
	}
	return netip.AddrPortFrom(s.Address, s.Port).String()
}

// A field is a property of an object, in words.
type field struct{ name, value string }

func (h Service) fields() []field {
	return []field{
		{"scheduler", h.Scheduler},
		{"persistence", persistenceText(h.Persistence)},
		{"netmask", h.netmask()},
		{"flags", fmt.Sprintf("%#x", h.Flags)},
		{"persistence engine", orNone(h.PersistenceEngine)},
	}
}

func (s Destination) fields() []field {
	return []field{
		{"weight", fmt.Sprint(s.Weight)},
		{"forwarding", s.method()},
		{"upper threshold", fmt.Sprint(s.UpperThreshold)},
		{"lower threshold", fmt.Sprint(s.LowerThreshold)},
		{"encapsulation", strings.Join(s.Encapsulation.flags(), " ")},
	}
}

// method is a forwarding method as the spec names it, or the kernel.
func (s Destination) method() string {
	switch s.RawForwarding {
	case 0:
		return s.Forwarding.String()
	case 1:
		return "local node"
	case 4:
		return "bypass"
	default:
		return fmt.Sprintf("method %d", s.RawForwarding)
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
	var words []string
	for i, was := range before {
		if was != after[i] {
			words = append(words, fmt.Sprintf("%s %s -> %s", was.name, was.value, after[i].value))
		}
	}
	return strings.Join(words, ", ")
}
