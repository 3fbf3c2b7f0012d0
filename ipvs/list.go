package ipvs

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// An entry is a service in a dump.
type entry struct {
	key        string // the attributes that identify the service
	attributes []byte
}

// maxLists is the maximum number of dumps for a complete list.
const maxLists = 10

// list returns all services of the network namespace.
//
// The kernel keeps the services of all network namespaces in the same tables. A dump of
// several datagrams continues after as many services as it has listed so far
// (ip_vs_genl_dump_services in net/netfilter/ipvs/ip_vs_ctl.c). If a service is added or
// deleted in any namespace during the dump, the kernel lists another one twice or omits
// it. So list dumps until a dump contains no new service. Then it reads each service that
// the last dump omits.
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

// dump stores the services of one dump in to, by key.
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

// refresh reads one service, and removes it from all if it no longer exists.
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

// name returns the name of the service in messages. A service without a fwmark belongs to
// another program.
func (e entry) name() string {
	if service, err := decodeService(e.attributes); err == nil && service.Mark != 0 {
		return "service " + service.Key.String()
	}
	return "an IPVS service keyed by address and port"
}
