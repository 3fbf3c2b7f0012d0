package ipvs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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
	var keys, parts [][]byte
	err := c.ask(cmdGetService, unix.NLM_F_DUMP, nil, func(attributes []byte) error {
		var d decoder
		var key []byte
		for b := d.inside(attributes, attrService); len(b) > 0; {
			typ, data := d.next(&b)
			if slices.Contains([]uint16{serviceAF, serviceProtocol, serviceAddress, servicePort, serviceMark}, typ) {
				key = appendAttribute(key, typ, data...)
			}
		}
		keys = append(keys, key)
		parts = append(parts, d.canonical(attributes, attrService, serviceStats, serviceStats64))
		return d.err
	})
	if err != nil {
		return "", fmt.Errorf("list IPVS services: %w", err)
	}
	for i, key := range keys {
		servers, err := c.canonicalServers(key)
		if err != nil {
			return "", fmt.Errorf("list real servers: %w", err)
		}
		parts[i] = append(parts[i], bytes.Join(servers, nil)...)
	}
	slices.SortFunc(parts, bytes.Compare)
	sum := sha256.Sum256(bytes.Join(parts, nil))
	return hex.EncodeToString(sum[:]), nil
}

// canonicalServers are those of the service of that key, sorted, for the kernel's
// order is that of their history.
func (c *Conn) canonicalServers(key []byte) ([][]byte, error) {
	var servers [][]byte
	name := func(b []byte) []byte { return appendAttribute(b, unix.NLA_F_NESTED|attrService, key...) }
	err := c.ask(cmdGetDest, unix.NLM_F_DUMP, name, func(attributes []byte) error {
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
