package ipvs

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// fakeFamily is the number of the IPVS family of fakeIPVS.
const fakeFamily = 33

// A fakeIPVS is the IPVS of a kernel in memory. It lists what it was given, as ip_vs_ctl.c
// does: services with all their attributes, the newest destination first.
type fakeIPVS struct {
	services []*fakeService
	timeouts []byte
	requests []netlink.Message

	omitted  map[string]int                        // by key: dumps that still omit the service
	answered func(netlink.Message) *netlink.Answer // answers in place of the kernel; nil: never
}

type fakeService struct {
	key          string
	attributes   []byte
	destinations []fakeDestination
}

type fakeDestination struct {
	key        string
	attributes []byte
}

func (f *fakeIPVS) conn(t *testing.T) *Conn {
	t.Helper()
	c, err := open(netlink.Fake(f.answer))
	require.NoError(t, err)
	f.requests = nil
	return c
}

func (f *fakeIPVS) answer(m netlink.Message) netlink.Answer {
	f.requests = append(f.requests, netlink.Message{Type: m.Type, Flags: m.Flags, Data: slices.Clone(m.Data)})
	if f.answered != nil {
		if a := f.answered(m); a != nil {
			return *a
		}
	}
	if m.Type == unix.GENL_ID_CTRL {
		return fakeObjects(unix.GENL_ID_CTRL, netlink.AppendUint16(nil, unix.CTRL_ATTR_FAMILY_ID, fakeFamily))
	}
	command, attributes := m.Data[0], m.Data[netlink.GenericHeaderLen:]
	switch command {
	case cmdSetConfig:
		f.timeouts = slices.Clone(attributes)
		return netlink.Answer{}
	case cmdGetConfig:
		return fakeObjects(fakeFamily, f.timeouts)
	case cmdGetService:
		if m.Flags&unix.NLM_F_DUMP == unix.NLM_F_DUMP {
			return f.dump()
		}
	}
	_, outer, n := netlink.FirstAttribute(attributes)
	i := slices.IndexFunc(f.services, func(s *fakeService) bool { return s.key == keyIn(outer) })
	return f.execute(command, i, keyIn(outer), slices.Clone(attributes[:n]), slices.Clone(attributes[n:]))
}

// execute executes a request for the service with that index, or -1.
func (f *fakeIPVS) execute(command uint8, i int, key string, service, dest []byte) netlink.Answer {
	switch {
	case command == cmdNewService && i >= 0:
		return netlink.Answer{Errno: unix.EEXIST}
	case command == cmdNewService:
		f.services = append(f.services, &fakeService{key: key, attributes: service})
		return netlink.Answer{}
	case i < 0:
		return netlink.Answer{Errno: unix.ESRCH}
	}
	s := f.services[i]
	switch command {
	case cmdGetService:
		return fakeObjects(fakeFamily, s.attributes)
	case cmdSetService:
		s.attributes = service
	case cmdDelService:
		f.services = slices.Delete(f.services, i, i+1)
	case cmdGetDest:
		var a netlink.Answer
		for _, d := range s.destinations {
			a.Objects = append(a.Objects, fakeObjects(fakeFamily, d.attributes).Objects...)
		}
		return a
	default:
		return s.execute(command, dest)
	}
	return netlink.Answer{}
}

func (s *fakeService) execute(command uint8, dest []byte) netlink.Answer {
	_, outer, _ := netlink.FirstAttribute(dest)
	key := destinationKeyIn(outer)
	i := slices.IndexFunc(s.destinations, func(d fakeDestination) bool { return d.key == key })
	switch {
	case command == cmdNewDest && i >= 0:
		return netlink.Answer{Errno: unix.EEXIST}
	case command == cmdNewDest:
		s.destinations = slices.Insert(s.destinations, 0, fakeDestination{key, dest})
	case i < 0:
		return netlink.Answer{Errno: unix.ENOENT}
	case command == cmdSetDest:
		s.destinations[i].attributes = dest
	case command == cmdDelDest:
		s.destinations = slices.Delete(s.destinations, i, i+1)
	}
	return netlink.Answer{}
}

// dump lists the services, except those omitted.
func (f *fakeIPVS) dump() (a netlink.Answer) {
	for _, s := range f.services {
		if f.omitted[s.key] > 0 {
			f.omitted[s.key]--
			continue
		}
		a.Objects = append(a.Objects, fakeObjects(fakeFamily, s.attributes).Objects...)
	}
	return a
}

func fakeObjects(typ uint16, attributes []byte) netlink.Answer {
	return netlink.Answer{Objects: []netlink.Message{{Type: typ, Data: append(netlink.GenericHeader(1, 1), attributes...)}}}
}

// keyIn returns the attributes of a service by which the kernel finds it.
func keyIn(service []byte) (key string) {
	for typ, data := range netlink.Attributes(service) {
		if typ <= serviceMark {
			key += string(netlink.AppendAttribute(nil, typ, data))
		}
	}
	return key
}

func destinationKeyIn(dest []byte) (key string) {
	for typ, data := range netlink.Attributes(dest) {
		if typ == destAddress || typ == destPort {
			key += string(data)
		}
	}
	return key
}

// commands returns the commands that the kernel has received.
func (f *fakeIPVS) commands() (commands []uint8) {
	for _, m := range f.requests {
		commands = append(commands, m.Data[0])
	}
	return commands
}
