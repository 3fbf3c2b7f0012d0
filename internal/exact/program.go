package exact

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A program is the chains that packets pass, in order. Equal programs are one program.
type program struct {
	id     int
	chains []baseChain
	uses   uses
}

type baseChain struct {
	*block
	drops bool // policy
	nat   bool // only the first packet of a connection meets it
	sent  bool // behind IPVS
	late  bool // behind connection tracking: its packets stay tracked
	hook  oldconfig.Hook
}

// A block is the rules of a chain. Equal blocks are one block.
type block struct {
	id    int
	rules []*rule
	uses  uses

	byServer *serverIndex // nil: not built
}

// A rule is segments, each of which applies its actions if its tests hold; else the rule
// ends. Equal rules are one rule.
type rule struct {
	id       int
	segments []segment
	uses     uses
	origin   *oldconfig.Rule     // of the first equal rule
	residual [fields]specialised // by field, if it does not depend on targets
	simple   [fields]bool
}

// A specialised rule is what is left where the tests of one field hold.
type specialised struct {
	*rule
	known bool
}

type segment struct {
	tests   []test
	dynamic []*dynamicTest
	actions []*action
}

// A test holds if the field has a value of the set.
type test struct {
	field  field
	values *interned
}

// An interned set is the only one with its numbers.
type interned struct {
	id int
	set
}

// A dynamicTest depends on what rules change, or is not understood.
type dynamicTest struct {
	id     int
	field  oldconfig.Field // Mark, ConnMark, State, or NotUnderstood
	mask   uint32
	values set
	origin *oldconfig.Rule
	text   string
	reads  oldconfig.Reads
	reason string // why the result is not known, if it is not understood; "": text
}

// An action is an oldconfig.Action with its target.
type action struct {
	id int
	oldconfig.Action
	target   *block
	byAddr   []oldconfig.MarkOf // sorted; nil: none
	services *serviceTable      // the packet goes to IPVS: the service of its mark, if there is one
	serve    *served            // the packet goes to IPVS: this service
	rest     *program           // behind a translation of the destination; nil: nobody asks
	orVIP    bool               // a translation to an address that may be the VIP of the packet
	port     int                // of the packet, for services; -1: not known yet
	origin   *oldconfig.Rule
}

// An interner keeps one of equal objects.
type interner struct {
	sets     map[string]*interned
	rules    map[string]*rule
	blocks   map[string]*block
	programs map[string]*program
	actions  map[string]*action
	buffer   []byte
}

func newInterner() *interner {
	return &interner{
		sets: map[string]*interned{}, rules: map[string]*rule{}, blocks: map[string]*block{},
		programs: map[string]*program{}, actions: map[string]*action{},
	}
}

func (in *interner) set(s set) *interned {
	b := in.buffer[:0]
	for _, r := range s {
		for _, n := range []uint64{r.Low.High, r.Low.Low, r.High.High, r.High.Low} {
			b = binary.LittleEndian.AppendUint64(b, n)
		}
	}
	in.buffer = b
	known := in.sets[string(b)]
	if known == nil {
		known = &interned{len(in.sets) + 1, s}
		in.sets[string(b)] = known
	}
	return known
}

// action keeps one of equal actions. A key of "" is equal to no other.
func (in *interner) action(key string, a *action) *action {
	if key == "" {
		key = fmt.Sprintf("#%d", len(in.actions))
	}
	if known := in.actions[key]; known != nil {
		return known
	}
	a.id = len(in.actions) + 1
	in.actions[key] = a
	return a
}

func (in *interner) rule(segments []segment, origin *oldconfig.Rule) *rule {
	b := in.buffer[:0]
	for _, s := range segments {
		b = appendInt(b, len(s.tests))
		for _, t := range s.tests {
			b = appendInt(append(b, byte(t.field)), t.values.id)
		}
		b = appendInt(b, len(s.dynamic))
		for _, d := range s.dynamic {
			b = appendInt(b, d.id)
		}
		b = appendInt(b, len(s.actions))
		for _, a := range s.actions {
			b = appendInt(b, a.id)
		}
	}
	in.buffer = b
	if known := in.rules[string(b)]; known != nil {
		return known
	}
	r := &rule{id: len(in.rules) + 1, segments: segments, origin: origin}
	r.describe()
	in.rules[string(b)] = r
	return r
}

// source returns a rule as it is written. It is equal to no other, so that it keeps its
// origin; what is left of it in a sweep is. The two sides may have other targets. A variant
// has other tests.
func (in *interner) source(segments []segment, origin *oldconfig.Rule, variant string) *rule {
	var key strings.Builder
	key.WriteString(fmt.Sprintf("source %p %s", origin, variant))
	for _, s := range segments {
		for _, a := range s.actions {
			key.WriteString(fmt.Sprintf(" %d", a.id))
		}
	}
	if known := in.rules[key.String()]; known != nil {
		return known
	}
	r := &rule{id: len(in.rules) + 1, segments: segments, origin: origin}
	r.describe()
	in.rules[key.String()] = r
	return r
}

// describe fills uses and simple.
func (r *rule) describe() {
	var ofTargets uses
	var tested [fields]int
	for i := range r.segments {
		s := &r.segments[i]
		for _, t := range s.tests {
			r.uses |= of(t.field)
			if tested[t.field]++; i > 0 {
				tested[t.field]++
			}
		}
		for _, d := range s.dynamic {
			r.uses |= d.uses()
		}
		for _, a := range s.actions {
			ofTargets |= a.uses()
		}
	}
	r.uses |= ofTargets
	for f := range fields {
		r.simple[f] = tested[f] <= 1 && !ofTargets.has(f)
	}
}

func (d *dynamicTest) uses() uses {
	switch d.field {
	case oldconfig.State, tracked:
		return testsState
	case oldconfig.Mark:
		return testsMark
	case oldconfig.ConnMark:
		return testsMark | testsState // packets without a connection have none
	case serverAddress, serverPort, serverForm:
		return 0
	}
	u := unknown
	if d.reads != 0 {
		u |= testsMark // what chains ahead have done matters
	}
	if d.reads&oldconfig.ReadsConnection != 0 {
		u |= testsState
	}
	return u
}

func (a *action) uses() uses {
	var u uses
	switch {
	case a.target != nil:
		u = a.target.uses
	case a.rest != nil:
		u = a.rest.uses
	case a.byAddr != nil, a.orVIP:
		u = of(destination)
	case a.services != nil && a.port < 0 && a.services.fixesPorts:
		u = of(destinationPort)
	}
	switch a.Kind {
	case oldconfig.Drop:
		u |= drops
	case oldconfig.Opaque:
		u |= drops | unknown
	case oldconfig.RestoreMark:
		u |= testsState // as a test of the mark of the connection
	}
	return u
}

// ends reports whether no packet that meets the rule goes on to the next one.
func (r *rule) ends() bool {
	s := r.segments[0]
	if len(s.tests) > 0 || len(s.dynamic) > 0 {
		return false
	}
	for _, a := range s.actions {
		if a.byAddr != nil {
			return false // the map may have no element
		}
		switch a.Kind {
		case oldconfig.Accept, oldconfig.Drop, oldconfig.Return, oldconfig.Goto:
			return true
		case oldconfig.Jump:
			return false
		}
	}
	return false
}

func (in *interner) block(rules []*rule) *block {
	for i, r := range rules {
		if r.ends() {
			rules = rules[:i+1]
			break
		}
	}
	b := in.buffer[:0]
	for _, r := range rules {
		b = appendInt(b, r.id)
	}
	in.buffer = b
	known := in.blocks[string(b)]
	if known == nil {
		known = &block{id: len(in.blocks) + 1, rules: slices.Clone(rules)}
		for _, r := range rules {
			known.uses |= r.uses
		}
		in.blocks[string(b)] = known
	}
	return known
}

func (in *interner) program(chains []baseChain) *program {
	b := in.buffer[:0]
	for _, c := range chains {
		b = appendInt(b, c.id)
		b = append(b, byte(c.hook), flag(c.drops), flag(c.nat), flag(c.sent), flag(c.late))
	}
	in.buffer = b
	known := in.programs[string(b)]
	if known == nil {
		known = &program{id: len(in.programs) + 1, chains: slices.Clone(chains)}
		for _, c := range chains {
			if known.uses |= c.uses; c.drops {
				known.uses |= drops
			}
		}
		in.programs[string(b)] = known
	}
	return known
}
