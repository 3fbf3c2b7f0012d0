package ipvs

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// An entry is a service as the kernel lists it.
type entry struct {
	key        string // the attributes that name it to the kernel
	attributes []byte
}

// maxLists bounds how often the kernel is asked for what may never come to rest.
const maxLists = 10

// list returns all services of the network namespace.
//
// The kernel keeps those of all network namespaces in the same tables, and a dump
// of several datagrams goes on where it has counted to (ip_vs_genl_dump_services in
// net/netfilter/ipvs/ip_vs_ctl.c). What is added or deleted meanwhile, in whichever
// namespace, makes it list a service twice, or leave one out. So the kernel is asked
// until it lists nothing new, and then for each that the last list lacks.
func (c *Conn) list() ([]entry, error) {
	all, last := map[string]entry{}, map[string]entry{}
	for range maxLists {
		clear(last)
		if err := c.dump(last); err != nil {
			return nil, err
		}
		known := len(all)
		maps.Copy(all, last)
		if len(all) == known {
			break
		}
	}
	for key := range all {
		if _, there := last[key]; there {
			continue
		}
		if err := c.look(key, all); err != nil {
			return nil, err
		}
	}
	return slices.Collect(maps.Values(all)), nil
}

// dump adds what the kernel lists.
func (c *Conn) dump(to map[string]entry) error {
	err := c.ask(cmdGetService, unix.NLM_F_DUMP, nil, func(attributes []byte) error {
		service, err := read(attributes)
		to[service.key] = service
		return err
	})
	if err != nil {
		return fmt.Errorf("list IPVS services: %w", err)
	}
	return nil
}

// look takes a service out that is not there any longer.
func (c *Conn) look(key string, all map[string]entry) error {
	err := c.ask(cmdGetService, 0, naming(key), func(attributes []byte) error {
		service, err := read(attributes)
		all[key] = entry{key, service.attributes}
		return err
	})
	switch {
	case errors.Is(err, unix.ESRCH):
		delete(all, key)
	case err != nil:
		return fmt.Errorf("read %s: %w", all[key].name(), err)
	}
	return nil
}

// name is what messages call the service. Those without a fwmark are somebody
// else's.
func (e entry) name() string {
	if header, err := decodeService(e.attributes); err == nil && header.Mark != 0 {
		return "service " + header.Key.String()
	}
	return "an IPVS service of an address and port"
}

// read copies a service out of the kernel's message.
func read(attributes []byte) (entry, error) {
	var d decoder
	var key []byte
	for b := d.inside(attributes, attrService); len(b) > 0; {
		typ, data := d.next(&b)
		if slices.Contains([]uint16{serviceAF, serviceProtocol, serviceAddress, servicePort, serviceMark}, typ) {
			key = appendAttribute(key, typ, data...)
		}
	}
	return entry{string(key), slices.Clone(attributes)}, d.err
}

// naming appends the attribute that names a service to the kernel.
func naming(key string) func([]byte) []byte {
	return func(b []byte) []byte { return appendAttribute(b, unix.NLA_F_NESTED|attrService, []byte(key)...) }
}
