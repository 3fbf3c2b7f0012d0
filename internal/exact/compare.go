package exact

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A Difference is packets that the two sides treat differently, in one way.
type Difference struct {
	Kind     string  // what differs, for example "served by other real servers"
	Packet   Packet  // the one with the lowest values
	Second   *Packet // of differences between two packets: the other one
	Old, New Treatment
}

// A Treatment is what a side does with a packet.
type Treatment struct {
	Outcome string             // in words
	Steps   []Step             // of the rules that act on it, in order
	Service *oldconfig.Service // of IPVS; nil: none takes it
	Mark    uint32             // at the end
	Group   string             // what connections of a client have in common that keep one real server; "" without persistence
}

// An Unproven is a reason for which packets could not be compared.
type Unproven struct {
	Rule   *oldconfig.Rule // nil: no rule is the reason
	Reason string
	Packet Packet // one that the rule concerns
}

// A Result is the comparison of two sides. They are equivalent if both lists are empty.
type Result struct {
	Differences []Difference
	Unproven    []Unproven
	Truncated   int // further kinds of differences
}

// A Scope is what Compare knows besides rules and services.
type Scope struct {
	ActiveSources []netip.Addr          // real servers of nat clusters, which open connections through the director
	VIPs          []config.AddressRange // to which they open none
}

// maxDifferences bounds the kinds of differences that Compare returns.
const maxDifferences = 20

// maxLeaves bounds the work: the number of different remaining programs.
const maxLeaves = 4_000_000

// Compare compares what becomes of each packet to IPVS, and of each connection that a real
// server of the scope opens.
func Compare(before, after Side, scope Scope) Result {
	var r Result
	d := newDevices(before, after)
	for _, family := range []oldconfig.Family{4, 6} {
		newComparison(family, toVIPs(), d, before, after, &r).run(nil)
		if sources := addresses(config.SingleAddresses(scope.ActiveSources...), family); len(sources) > 0 {
			c := newComparison(family, fromServers(), d, before, after, &r)
			c.remote = addresses(scope.VIPs, family).complement(c.domain(destination))
			c.run(sources)
		}
	}
	return r
}

func addresses(list []config.AddressRange, family oldconfig.Family) set {
	var ranges []oldconfig.Range
	for _, a := range list {
		if a.Family() == family {
			ranges = append(ranges, oldconfig.Range{Low: addressNumber(a.First), High: addressNumber(a.Last)})
		}
	}
	return newSet(ranges)
}

// A comparison compares two programs.
type comparison struct {
	*compiler
	result   *Result
	sides    [2]*program // complete
	sources  set         // of fromServers
	remote   set         // destinations of fromServers
	done     map[pairKey]bool
	seen     map[string]bool // kinds of differences and reasons
	groups   [2]map[string]grouped
	services [2][]*oldconfig.Service
	marks    [2][]uint32 // that connections may have
	helpers  bool        // a rule assigns a helper, which may expect connections
	tracks   bool        // IPVS may keep the tracking of its packets
	leaves   int
	assumed  int // runs with an assumption
	followed int // packets that ran a complete program

	manyMarks bool // marks is not complete

	exceeded bool
}

// A pairKey identifies a comparison of two programs.
type pairKey struct {
	old, new int
	kind     kind
	tcp      bool
}

// A grouped is a group of the other side, with a packet.
type grouped struct {
	group  string
	packet Packet
}

func newComparison(family oldconfig.Family, p path, d *devices, before, after Side, r *Result) *comparison {
	c := &comparison{compiler: newCompiler(family, p, d, before, after), result: r, done: map[pairKey]bool{}, seen: map[string]bool{}}
	behind := c.sentChainsOf(before, after)
	for i, side := range []Side{before, after} {
		c.sides[i] = c.program(side, behind[i])
		c.groups[i] = map[string]grouped{}
		marks, complete := connMarks(side)
		c.marks[i], c.manyMarks = marks, c.manyMarks || !complete
		c.helpers = c.helpers || assignsHelper(side)
		c.tracks = c.tracks || side.Tracking != Untracked
	}
	c.services = [2][]*oldconfig.Service{before.Services, after.Services}
	return c
}

// agree reports whether both sides have the same service for each mark.
func (c *comparison) agree() bool {
	signatures := func(list []*oldconfig.Service) map[string]string {
		m := map[string]string{}
		for _, s := range list {
			if s.Mark != 0 {
				m[fmt.Sprint(s.Family, s.Mark)] = newServed(s).signature
			}
		}
		return m
	}
	first, second := signatures(c.services[0]), signatures(c.services[1])
	for key, s := range first {
		if second[key] != s {
			return false
		}
	}
	return len(first) == len(second)
}

// assignsHelper reports whether a rule assigns a helper of connection tracking. Connections
// have state RELATED only if a helper expects them, and since Linux 4.7 the kernel assigns none
// by itself (net.netfilter.nf_conntrack_helper; nf_conntrack_helper.c).
func assignsHelper(side Side) bool {
	return slices.ContainsFunc(side.Chains, func(c *oldconfig.Chain) bool {
		return slices.ContainsFunc(c.Rules, func(r *oldconfig.Rule) bool {
			for at := r; at != nil; at = at.Then {
				if slices.ContainsFunc(at.Actions, func(a oldconfig.Action) bool { return a.AssignsHelper }) {
					return true
				}
			}
			return false
		})
	})
}

func (c *comparison) run(sources set) {
	c.sources = sources
	var box box
	for f := range fields {
		box[f] = c.within(f)[0]
	}
	c.split(0, c.sides[0], c.sides[1], box, first)
}

// A box is packets: a range of values of each field.
type box [fields]oldconfig.Range

// within is the values that packets of the path have. IPVS takes TCP, UDP and SCTP.
func (c *comparison) within(f field) set {
	switch {
	case f == protocol && c.path.toLocal:
		return set{single(6)[0], single(17)[0], single(132)[0]}
	case f == protocol:
		return single(6)
	case f == destination && c.remote != nil:
		return c.remote
	case f == source && c.sources != nil:
		return c.sources
	}
	return set{c.domain(f)}
}

// split compares two programs for the packets of a box. The fields of the path before level
// are tested by neither.
func (c *comparison) split(level int, old, new *program, b box, k kind) {
	if old == new || k == later && !(old.uses|new.uses).drops() || c.exceeded {
		return
	}
	for level < len(c.path.order) {
		if f := c.path.order[level]; (old.uses | new.uses).has(f) || f <= tcpFlags && level <= 1 {
			break
		}
		level++
	}
	if level > 1 && c.known(old, new, b, k) {
		return
	}
	if level == len(c.path.order) {
		c.compare(old, new, b, k)
		return
	}
	f := c.path.order[level]
	sweep, at := newSweep(c.interner, f), cuts(f, c.within(f), old, new)
	if f == tcpFlags {
		at = allFlags()
	}
	for i, value := range at {
		sweep.moveTo(value)
		b[f] = c.interval(f, value, at[i+1:])
		c.enter(level+1, sweep.program(old), sweep.program(new), b, k)
	}
}

// known reports whether the two programs have been compared before, and remembers them.
func (c *comparison) known(old, new *program, b box, k kind) bool {
	key := pairKey{old.id, new.id, k, b[protocol].Low.Low == 6}
	if c.done[key] {
		return true
	}
	c.done[key] = true
	if c.leaves++; c.leaves > maxLeaves {
		c.exceeded = true
		c.unproven(nil, "the rules have too many combinations", packetOf(b.example(c.family, c.path), c.family, c.devices, stateNew))
	}
	return c.exceeded
}

// interval returns the values from one cut to the one before the next.
func (c *comparison) interval(f field, low oldconfig.Number, rest []oldconfig.Number) oldconfig.Range {
	within := c.within(f)
	i, _ := within.find(low)
	high := within[i].High
	if len(rest) > 0 && rest[0].Compare(high) <= 0 {
		high = previous(rest[0])
	}
	return oldconfig.Range{Low: low, High: high}
}

func allFlags() []oldconfig.Number {
	list := make([]oldconfig.Number, 256)
	for i := range list {
		list[i] = number(uint64(i))
	}
	return list
}

// enter compares for the kinds of packets that have the flags. UDP and SCTP have no flags.
func (c *comparison) enter(level int, old, new *program, b box, k kind) {
	f := c.path.order[level-1]
	if f == sourcePort && c.path.toLocal && b[f] == single(ftpDataPort)[0] {
		k = later // never scheduled: ip_vs_schedule
	}
	if f != tcpFlags {
		c.split(level, old, new, b, k)
		return
	}
	if b[protocol].Low.Low == 6 {
		c.split(level, old, new, b, kindOf(b[tcpFlags].Low.Low))
		return
	}
	c.split(level, old, new, b, first)
	c.split(level, old, new, b, later)
}
