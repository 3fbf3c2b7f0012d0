package ipvs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Attributes of linux/ip_vs.h that only the digest needs.
const (
	serviceProtocol = 2
	serviceAddress  = 3
	servicePort     = 4
	serviceStats    = 10
	serviceStats64  = 12
	destStats       = 10
	destStats64     = 12
)

// Digest returns the SHA-256, in hexadecimal, of all services of the network
// namespace with their real servers, those of addresses and ports included: what
// somebody configured, without what counts by itself.
func (c *Conn) Digest() (string, error) {
	all, err := c.list()
	if err != nil {
		return "", err
	}
	var parts [][]byte
	for _, service := range all {
		var d decoder
		part := d.canonical(service.attributes, attrService, serviceStats, serviceStats64)
		servers, err := c.canonicalDestinations(service.key)
		if err := errors.Join(d.err, err); err != nil {
			return "", fmt.Errorf("list real servers: %w", err)
		}
		parts = append(parts, append(part, bytes.Join(servers, nil)...))
	}
	slices.SortFunc(parts, bytes.Compare)
	sum := sha256.Sum256(bytes.Join(parts, nil))
	return hex.EncodeToString(sum[:]), nil
}

// canonicalDestinations are those of the service of that key, sorted, for the kernel's
// order is that of their history.
func (c *Conn) canonicalDestinations(key string) ([][]byte, error) {
	var servers [][]byte
	err := c.ask(cmdGetDest, unix.NLM_F_DUMP, naming(key), func(attributes []byte) error {
		var d decoder
		servers = append(servers, d.canonical(attributes, attrDest, destActiveConns, destInactiveConns, destPersistentConns, destStats, destStats64))
		return d.err
	})
	slices.SortFunc(servers, bytes.Compare)
	return servers, err
}

// canonical writes down the attributes inside the outer one, apart from some.
func (d *decoder) canonical(attributes []byte, outer uint16, without ...uint16) []byte {
	var b []byte
	for inner := d.inside(attributes, outer); len(inner) > 0; {
		typ, data := d.next(&inner)
		if !slices.Contains(without, typ) {
			b = fmt.Appendf(b, "%d %d %x\n", typ, len(data), data)
		}
	}
	return b
}
