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

// maxLists bounds how often the kernel is asked for a list that may never be complete.
const maxLists = 10

// list returns all services of the network namespace.
//
// The kernel keeps those of all network namespaces in the same tables, and a dump of
// several datagrams continues at the number of services that it has listed so far
// (ip_vs_genl_dump_services in net/netfilter/ipvs/ip_vs_ctl.c). A service that is added
// or deleted meanwhile, in any namespace, makes it list another one twice, or leave one
// out. So list asks until the kernel lists nothing new, and then for each service that
// the last list lacks.
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
		if _, listed := last[key]; listed {
			continue
		}
		if err := c.refresh(key, all); err != nil {
			return nil, err
		}
	}
	return slices.Collect(maps.Values(all)), nil
}

// dump adds the services that the kernel lists.
func (c *Conn) dump(to map[string]entry) error {
	for attributes, err := range c.query(cmdGetService, unix.NLM_F_DUMP, nil) {
		var key []byte
		if err == nil {
			key, err = decodeKey(attributes)
		}
		if err != nil {
			return fmt.Errorf("list IPVS services: %w", err)
		}
		to[string(key)] = entry{string(key), slices.Clone(attributes)}
	}
	return nil
}

// refresh reads one service anew, and takes it out if it is gone.
func (c *Conn) refresh(key string, all map[string]entry) error {
	for attributes, err := range c.query(cmdGetService, 0, appendListedKey(nil, key)) {
		switch {
		case errors.Is(err, unix.ESRCH):
			delete(all, key)
			return nil
		case err != nil:
			return fmt.Errorf("read %s: %w", all[key].name(), err)
		}
		all[key] = entry{key, slices.Clone(attributes)}
	}
	return nil
}

// name is what messages call the service. One without a fwmark belongs to another
// process.
func (e entry) name() string {
	if service, err := decodeService(e.attributes); err == nil && service.Mark != 0 {
		return "service " + service.Key.String()
	}
	return "an IPVS service of an address and port"
}
