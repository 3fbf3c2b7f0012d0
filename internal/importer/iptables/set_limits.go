package iptables

import (
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// defaultMaxelem is the number of elements that ipset keeps in a hash without maxelem.
const defaultMaxelem = 65536

// A setLimits is what a set takes.
type setLimits struct {
	most, count uint64            // elements of a hash
	within      []oldconfig.Range // of a bitmap; nil: not known
}

// readRange reads the range of a bitmap: addresses or ports.
func (s *set) readRange(text string) {
	ok := false
	switch s.kind {
	case "bitmap:ip":
		if r, isRange := parseAddressRange(s.family, text); isRange {
			s.limits.within, ok = []oldconfig.Range{r}, true
		} else {
			s.limits.within, ok = parseNetwork(s.family, text)
		}
	case "bitmap:port":
		var r oldconfig.Range
		r, ok = parsePorts(text, "-", 0)
		s.limits.within = []oldconfig.Range{r}
	}
	if !ok {
		s.unknown = "its range is not understood"
	}
}

// takes reports whether ipset and the kernel take the element: in the range of a bitmap, and not a
// network of all addresses, which most hashes refuse (net/netfilter/ipset/ip_set_hash_*.c).
func (s *set) takes(e element) bool {
	tested := e.addresses
	if s.kind == "bitmap:port" {
		tested = []oldconfig.Range{e.port}
	}
	if len(s.limits.within) == 1 {
		for _, r := range tested {
			if !s.limits.within[0].Contains(r) {
				return false
			}
		}
	}
	switch s.kind {
	case "hash:net,iface", "hash:net,port,net":
		return true
	}
	return !s.isEveryAddress(e.addresses) && !s.isEveryAddress(e.others)
}

func (s *set) isEveryAddress(list []oldconfig.Range) bool {
	all := (&parser{family: s.family}).any(oldconfig.Source, option{}).In[0]
	return len(list) == 1 && list[0] == all
}

// fill counts the entries of a hash that the element becomes: each address, or each network, with
// each port. A hash that is full takes no more.
func (s *set) fill(e element) {
	if !strings.HasPrefix(s.kind, "hash:") {
		return
	}
	entries := uint64(1)
	if hasPorts(e.protocol) {
		entries = e.port.High.Low - e.port.Low.Low + 1
	}
	if strings.HasPrefix(s.kind, "hash:ip") {
		for _, r := range e.addresses {
			if size := r.High.Low - r.Low.Low; r.High.High == r.Low.High && size < defaultMaxelem*defaultMaxelem {
				entries *= size + 1
			}
		}
	}
	if s.netmask > 0 {
		entries = 1
	}
	if s.limits.count += entries; s.limits.count > s.limits.most && s.unknown == "" {
		s.unknown = "it has more than its maxelem of " + decimal(int(s.limits.most)) + " elements"
	}
}

// parseHexadecimalMark reads skbmark MARK[/MASK]: both begin with 0x.
func parseHexadecimalMark(text string) (value, mask uint32, ok bool) {
	for part := range strings.SplitSeq(text, "/") {
		if !strings.HasPrefix(part, "0x") {
			return 0, 0, false
		}
	}
	return parseMark(text)
}
