package exact

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// devices are the devices that rules of both sides tell apart: number 0 is any other one,
// and number n is names[n-1]. Packets to VIPs do not come in by lo.
type devices struct {
	names []string
}

const loopback = "lo"

// newDevices collects the names of rules. For a wildcard, such as "eth+", there is a device
// of its own.
func newDevices(sides ...Side) *devices {
	found := map[string]bool{}
	for _, side := range sides {
		for _, chain := range side.Chains {
			for _, n := range namesIn(chain) {
				found[strings.Replace(n, "+", "999", 1)] = true
			}
		}
	}
	delete(found, loopback)
	d := &devices{}
	for n := range found {
		d.names = append(d.names, n)
	}
	slices.Sort(d.names)
	return d
}

// namesIn returns the names of devices in a chain.
func namesIn(chain *oldconfig.Chain) []string {
	var names []string
	if chain.Base != nil {
		names = append(names, chain.Base.Devices...)
	}
	for _, r := range chain.Rules {
		for at := r; at != nil; at = at.Then {
			for i := range at.Matches {
				names = append(names, at.Matches[i].Names...)
			}
		}
	}
	return names
}

func (d *devices) last() int { return len(d.names) }

// named returns the devices with one of the names. none adds the number 0, of a device that
// no rule names.
func (d *devices) named(names []string, none bool) set {
	var list []oldconfig.Range
	for i := range d.last() + 1 {
		matches := i == 0 && none
		if i > 0 {
			matches = slices.ContainsFunc(names, func(n string) bool { return deviceMatches(n, d.names[i-1]) })
		} else if slices.Contains(names, "+") {
			matches = true
		}
		if matches {
			list = append(list, oldconfig.Range{Low: number(uint64(i)), High: number(uint64(i))})
		}
	}
	return newSet(list)
}

func deviceMatches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "+"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

// matched returns the devices that fulfil a match. A packet that is not routed yet, or
// does not leave, has no outgoing device: a match of a name fails.
func (d *devices) matched(f field, m *oldconfig.Match, routed bool) set {
	all := oldconfig.Range{High: number(uint64(d.last()))}
	if f == outDevice && !routed {
		if m.Not {
			return set{all}
		}
		return nil
	}
	values := d.named(m.Names, false)
	if m.Not {
		values = values.complement(all)
	}
	return values
}

// name returns a name for a packet: of a device that no rule names, or of the number.
func (d *devices) name(n int) string {
	if n == 0 {
		return ""
	}
	return d.names[n-1]
}

// number returns the number of a device: of its name, or else of the wildcard that matches.
func (d *devices) number(name string) oldconfig.Number {
	if i, found := slices.BinarySearch(d.names, name); found {
		return number(uint64(i + 1))
	}
	for i, n := range d.names {
		if prefix, ok := strings.CutSuffix(n, "999"); ok && prefix != "" && strings.HasPrefix(name, prefix) {
			return number(uint64(i + 1))
		}
	}
	return number(0)
}

// An atHook is a chain that packets pass with or without an outgoing device.
type atHook struct {
	*oldconfig.Chain
	outgoing bool
}

// baseBlock compiles a base chain.
func (c *compiler) baseBlock(chain *oldconfig.Chain) *block {
	c.routed = c.path.outgoing && chain.Base.Hook > oldconfig.Input
	return c.chain(chain)
}
