package ipvs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/mdlayher/netlink"
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
	services, err := c.dump(cmdGetService, nil)
	if err != nil {
		return "", fmt.Errorf("list IPVS services: %w", err)
	}
	var parts [][]byte
	for _, message := range services {
		service, err := attributesOf(message.Data, attrService)
		if err != nil {
			return "", fmt.Errorf("decode an IPVS service: %w", err)
		}
		servers, err := c.dump(cmdGetDest, func(ae *netlink.AttributeEncoder) {
			ae.Nested(attrService, func(ae *netlink.AttributeEncoder) error {
				for _, a := range service {
					if slices.Contains([]uint16{serviceAF, serviceProtocol, serviceAddress, servicePort, serviceMark}, a.Type) {
						ae.Bytes(a.Type, a.Data)
					}
				}
				return nil
			})
		})
		if err != nil {
			return "", fmt.Errorf("list real servers: %w", err)
		}
		part := canonical(service, serviceStats, serviceStats64)
		list := make([][]byte, 0, len(servers))
		for _, message := range servers {
			server, err := attributesOf(message.Data, attrDest)
			if err != nil {
				return "", fmt.Errorf("decode a real server: %w", err)
			}
			list = append(list, canonical(server, destActiveConns, destInactiveConns, destPersistentConns, destStats, destStats64))
		}
		slices.SortFunc(list, bytes.Compare) // the kernel's order is that of their history
		parts = append(parts, append(part, bytes.Join(list, nil)...))
	}
	slices.SortFunc(parts, bytes.Compare)
	sum := sha256.Sum256(bytes.Join(parts, nil))
	return hex.EncodeToString(sum[:]), nil
}

// attributesOf returns those inside the outer one.
func attributesOf(data []byte, outer uint16) ([]netlink.Attribute, error) {
	attributes, err := netlink.UnmarshalAttributes(data)
	if err != nil {
		return nil, err
	}
	for _, a := range attributes {
		if a.Type&^uint16(netlink.Nested) == outer {
			return netlink.UnmarshalAttributes(a.Data)
		}
	}
	return nil, errors.New("the kernel sent none")
}

// canonical writes the attributes down, apart from some.
func canonical(attributes []netlink.Attribute, without ...uint16) []byte {
	var b []byte
	for _, a := range attributes {
		if !slices.Contains(without, a.Type&^uint16(netlink.Nested)) {
			b = fmt.Appendf(b, "%d %d %x\n", a.Type, len(a.Data), a.Data)
		}
	}
	return b
}
