package iptables

import (
	"fmt"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// key returns a text that is equal for elements that ipset takes for the same, however they are
// written: 10.0.0.9/8 and 10.0.0.0/8 of a set of networks, http and tcp:80.
func (e element) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v/%d %d %v %x %s %v %s", e.addresses, e.length, e.protocol, e.port, e.mac, e.member, e.others, e.device)
	return b.String()
}

// wide reports whether the element has several addresses or ports.
func (e element) wide() bool {
	return e.several() || spansSeveral(e.addresses) || spansSeveral(e.others) || e.port.Low != e.port.High
}

func spansSeveral(r []oldconfig.Range) bool { return len(r) == 1 && r[0].Low != r[0].High }

// several reports whether the element was written as a range of addresses, FIRST-LAST.
func (e element) several() bool { return e.spans || len(e.addresses) > 1 || len(e.others) > 1 }

func (s *set) hasSeveral() bool {
	for _, e := range s.elements {
		if e.several() {
			return true
		}
	}
	return false
}

// touches reports whether two elements have a packet in common.
func (e element) touches(other element) bool {
	if e.device != other.device || !touch(e.others, other.others) || e.protocol != other.protocol || e.mac != other.mac || e.member != other.member || !overlap(e.port, other.port) {
		return false
	}
	return touch(e.addresses, other.addresses)
}

// touch reports whether lists have a number in common, or the elements have none.
func touch(list, others []oldconfig.Range) bool {
	for _, a := range list {
		for _, b := range others {
			if overlap(a, b) {
				return true
			}
		}
	}
	return len(list) == 0
}

func overlap(a, b oldconfig.Range) bool {
	return a.Low.Compare(b.High) <= 0 && b.Low.Compare(a.High) <= 0
}
