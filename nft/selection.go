package nft

import (
	"fmt"
	"hash/fnv"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
)

// A selection is the conditions of a cluster's only in one family: packets must be in each
// set that is not nil, and not in exceptMACs. The sets are named by their content: an edit
// of a condition makes another set, so that the rules are changed without loss, and clusters
// with the same condition share a set.
type selection struct {
	name                         string // of the conditions; empty: none
	sources, devices, exceptMACs *Set
}

// selectionOf returns the conditions in a family. It returns the zero value for nil.
func selectionOf(only *config.Only, family Family) selection {
	var s selection
	if only == nil {
		return s
	}
	if sources := only.SourcesOf(family.ofSpec()); len(sources) > 0 {
		s.sources = namedByContent(sourceSet(family, clientsSet, "clients", sources))
	}
	if len(only.Devices) > 0 {
		s.devices = namedByContent(hashSet("devices", "devices of clients", typeIfname, unix.IFNAMSIZ, only.Devices, func(name string) []byte {
			return append([]byte(name), make([]byte, unix.IFNAMSIZ-len(name))...)
		}))
	}
	if len(only.ExceptMACs) > 0 {
		s.exceptMACs = namedByContent(hashSet("except_macs", "senders of packets without a mark", typeEther, 6, only.ExceptMACs, func(m config.MAC) []byte { return m[:] }))
	}
	digest := fnv.New64a()
	for _, set := range s.sets() {
		digest.Write([]byte(set.Name))
	}
	s.name = fmt.Sprintf("only_%016x", digest.Sum64())
	return s
}

// sets returns the sets that are not nil.
func (s selection) sets() []*Set {
	return slices.DeleteFunc([]*Set{s.sources, s.devices, s.exceptMACs}, func(set *Set) bool { return set == nil })
}

func hashSet[T any](name, comment string, keyType, keyLen uint32, values []T, key func(T) []byte) *Set {
	s := &Set{Name: name, Comment: comment, KeyType: keyType, KeyLen: keyLen, KeyHost: hostOrder(keyType), Size: sizeFor(len(values))}
	for _, value := range values {
		s.Elements = append(s.Elements, Element{Key: elementKey(key(value))})
	}
	sortElements(s)
	return s
}

// namedByContent appends a digest of the elements to the name of the set.
func namedByContent(s *Set) *Set {
	digest := fnv.New64a()
	for _, e := range s.Elements {
		digest.Write([]byte(e.Key))
	}
	s.Name = fmt.Sprintf("%s_%016x", s.Name, digest.Sum64())
	return s
}

// Names of sets begin so; see namedByContent.
const (
	clientsSet    = "sources"
	clientsPrefix = clientsSet + "_"
)

// A senderTest is how a rule tests the sender of a packet.
type senderTest uint8

const (
	anySender   senderTest = iota
	ethernet               // packets of Ethernet devices, except those from some senders
	notEthernet            // packets of other devices, which have no such sender
)

// senderTests returns the tests of senders, with one rule for each. A device that is not
// Ethernet has another link-layer header or none, where a test for the sender fails whether
// it is inverted or not.
func (s selection) senderTests() []senderTest {
	if s.exceptMACs == nil {
		return []senderTest{anySender}
	}
	return []senderTest{ethernet, notEthernet}
}

// selected matches the packets of a selection.
func (b *ruleBuilder) selected(s selection, sender senderTest) *ruleBuilder {
	if s.devices != nil {
		b.add(&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: reg}).in(s.devices.Name)
	}
	if s.sources != nil {
		b.saddr().in(s.sources.Name)
	}
	switch sender {
	case ethernet:
		b.deviceType(expr.CmpOpEq).add(&expr.Payload{DestRegister: reg, Base: expr.PayloadBaseLLHeader, Offset: 6, Len: 6})
		b.add(&expr.Lookup{SourceRegister: reg, SetName: s.exceptMACs.Name, Invert: true})
	case notEthernet:
		b.deviceType(expr.CmpOpNeq)
	}
	return b
}

// deviceType compares the type of the input device with Ethernet.
func (b *ruleBuilder) deviceType(op expr.CmpOp) *ruleBuilder {
	return b.add(
		&expr.Meta{Key: expr.MetaKeyIIFTYPE, Register: reg},
		&expr.Cmp{Op: op, Register: reg, Data: ethernetType()},
	)
}
