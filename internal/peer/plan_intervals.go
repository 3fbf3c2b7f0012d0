package peer

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// An interval is the key of an element of a set with intervals, with what the element has behind
// the key.
type interval struct {
	keys  config.AddressRange
	ports bool   // the keys are numbers, as IPv4 addresses
	value string // " : 0x00000015"; empty in a set
}

// mergedElements joins the elements of a set with intervals that follow each other and have the
// same value: 10.0.0.0/9 and 10.128.0.0/9 are 10.0.0.0/8. Elements in another form stay.
func mergedElements(elements []string) []string {
	var intervals []interval
	var texts []string
	for _, text := range elements {
		if i, ok := readInterval(text); ok {
			intervals = append(intervals, i)
		} else {
			texts = append(texts, text)
		}
	}
	slices.SortFunc(intervals, func(a, b interval) int { return a.keys.Compare(b.keys) })
	var merged []interval
	for _, i := range intervals {
		if last := len(merged) - 1; last >= 0 && merged[last].precedes(i) {
			merged[last].keys.Last = i.keys.Last
			continue
		}
		merged = append(merged, i)
	}
	for _, i := range merged {
		texts = append(texts, i.String())
	}
	return texts
}

// precedes reports whether other begins right after i and has the same value.
func (i interval) precedes(other interval) bool {
	return i.keys.Last.Next() == other.keys.First && i.value == other.value && i.ports == other.ports
}

// readInterval reads an element in the form of `nft list`.
func readInterval(text string) (i interval, ok bool) {
	key, _, _ := strings.Cut(text, " ")
	i.value = text[len(key):]
	if prefix, err := netip.ParsePrefix(key); err == nil {
		i.keys = config.RangeOfPrefix(prefix)
		return i, true
	}
	first, last, ranged := strings.Cut(key, "-")
	if !ranged {
		last = first
	}
	var firstIsPort, lastIsPort bool
	i.keys.First, firstIsPort = readKey(first)
	i.keys.Last, lastIsPort = readKey(last)
	i.ports = firstIsPort
	return i, firstIsPort == lastIsPort && i.keys.First.IsValid() && i.keys.First.Is4() == i.keys.Last.Is4()
}

// readKey reads an address, or a port as an IPv4 address of that number. It returns the zero
// address for other text.
func readKey(text string) (key netip.Addr, isPort bool) {
	if port, err := strconv.ParseUint(text, 10, 16); err == nil {
		return netip.AddrFrom4([4]byte{2: byte(port >> 8), 3: byte(port)}), true
	}
	key, _ = netip.ParseAddr(text)
	return key, false
}

func (i interval) String() string {
	if !i.ports {
		return i.keys.String() + i.value
	}
	if i.keys.IsSingle() {
		return portOf(i.keys.First) + i.value
	}
	return portOf(i.keys.First) + "-" + portOf(i.keys.Last) + i.value
}

func portOf(key netip.Addr) string {
	bytes := key.As4()
	return strconv.Itoa(int(bytes[2])<<8 | int(bytes[3]))
}
