package ipvs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// Digest returns the SHA-256, in hexadecimal, of the configuration of all services in the
// network namespace, including those keyed by address and port, and of their destinations.
// Statistics and connections are excluded.
func (c *Conn) Digest() (string, error) {
	all, err := c.list()
	if err != nil {
		return "", err
	}
	var parts [][]byte
	for _, service := range all {
		part, err := canonical(service.attributes, attrService, serviceStats, serviceStats64)
		var destinations [][]byte
		if err == nil {
			destinations, err = c.canonicalDestinations(service.key)
		}
		if err != nil {
			return "", fmt.Errorf("list real servers: %w", err)
		}
		parts = append(parts, append(part, bytes.Join(destinations, nil)...))
	}
	slices.SortFunc(parts, bytes.Compare)
	sum := sha256.Sum256(bytes.Join(parts, nil))
	return hex.EncodeToString(sum[:]), nil
}

// canonicalDestinations returns the destinations of a service, sorted: the kernel lists
// them from the last added one to the first.
func (c *Conn) canonicalDestinations(key string) ([][]byte, error) {
	var destinations [][]byte
	for attributes, err := range c.query(cmdGetDest, unix.NLM_F_DUMP, appendListedKey(nil, key)) {
		var part []byte
		if err == nil {
			part, err = canonical(attributes, attrDest, destActiveConns, destInactiveConns, destPersistentConns, destStats, destStats64)
		}
		if err != nil {
			return nil, err
		}
		destinations = append(destinations, part)
	}
	slices.SortFunc(destinations, bytes.Compare)
	return destinations, nil
}

// canonical prints the attributes inside the outer one, except some.
func canonical(attributes []byte, outer uint16, except ...uint16) ([]byte, error) {
	var b []byte
	d := netlink.DecodeNested(attributes, outer)
	for d.Next() {
		if !slices.Contains(except, d.Type()) {
			b = fmt.Appendf(b, "%d %d %x\n", d.Type(), len(d.Bytes()), d.Bytes())
		}
	}
	return b, d.Err()
}
