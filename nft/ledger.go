package nft

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/nftables/userdata"

	"github.com/lvsmark/lvsmark/config"
)

// The ledger is stored in sets that no rule looks up. It has the same lifetime as the
// kernel state that it describes.
const (
	boundSet    = "bound"
	settingsSet = "settings"
	drainedSet  = "drained"
)

// A BoundMark identifies an IPVS service of lvsmark: one mark in one address family.
type BoundMark struct {
	Family config.Family
	Mark   uint32 // host byte order
}

// PreviousLimit is the maximum length in bytes of a setting's previous value in the ledger:
// the kernel allows 256 bytes of userdata for an element (NFT_USERDATA_MAXLEN), and nft up
// to 127 of them for a comment.
const PreviousLimit = 120

// A Ledger is the record of lvsmark's changes outside nftables.
type Ledger struct {
	Bound    map[BoundMark]string  // name of the binding, see config.Binding.Name
	Settings map[string]Setting    // by name
	Drained  map[DrainedServer]int // weight before `lvsmark drain`
}

// A Setting is the desired value of a sysctl or an IPVS timeout, and its value before
// lvsmark changed it.
type Setting struct {
	Value    string
	Previous string
	Changed  bool // lvsmark changed it from Previous
}

// compileLedger adds the part of the ledger with the table's family. Settings have no
// family and are stored in the first table.
func compileLedger(t *Table, spec *config.Spec, first bool) {
	ledger := newLedger()
	if spec.Director.Bind {
		for _, b := range spec.Bindings(t.Family.ofSpec()) {
			ledger.Bound[BoundMark{t.Family.ofSpec(), b.Mark}] = b.Name()
		}
	}
	if first {
		for _, s := range spec.Settings() {
			ledger.Settings[s.Name] = Setting{Value: s.Value}
		}
	}
	t.setLedger(ledger)
}

// newLedger returns an empty ledger.
func newLedger() Ledger {
	return Ledger{Bound: map[BoundMark]string{}, Settings: map[string]Setting{}, Drained: map[DrainedServer]int{}}
}

// Ledger reads the ledger of all tables.
func (r *Ruleset) Ledger() Ledger {
	ledger := newLedger()
	for _, t := range r.Tables {
		own := t.ledger()
		maps.Copy(ledger.Bound, own.Bound)
		maps.Copy(ledger.Drained, own.Drained)
		for name, s := range own.Settings {
			// A record with Previous has precedence.
			if !ledger.Settings[name].Changed {
				ledger.Settings[name] = s
			}
		}
	}
	return ledger
}

func (t *Table) ledger() Ledger {
	ledger := newLedger()
	ledger.Drained = t.drained()
	if s := t.Set(boundSet); s != nil {
		for _, e := range s.Elements {
			p := e.parts()
			if len(p.key) == 4 {
				ledger.Bound[BoundMark{t.Family.ofSpec(), hostOrdered(p.key)}] = userdataText(p.userdata, userdata.TypeComment)
			}
		}
	}
	if s := t.Set(settingsSet); s != nil {
		for _, e := range s.Elements {
			p := e.parts()
			name, value, ok := strings.Cut(userdataText(p.userdata, userdata.TypeComment), " = ")
			if ok {
				previous, changed := findUserdata(p.userdata, udPrevious)
				ledger.Settings[name] = Setting{Value: value, Previous: previous, Changed: changed}
			}
		}
	}
	return ledger
}

// setLedger stores the bound marks and drained real servers of the table's family, and all
// settings, in the table's sets. It removes a set that would be empty.
func (t *Table) setLedger(l Ledger) {
	bound := ledgerSet(boundSet, "fwmarks of lvsmark's IPVS services")
	for _, b := range slices.SortedFunc(maps.Keys(l.Bound), func(a, b BoundMark) int { return cmp.Compare(a.Mark, b.Mark) }) {
		if b.Family == t.Family.ofSpec() {
			bound.Elements = append(bound.Elements, Element{
				Key:  elementKey(markBytes(b.Mark)),
				Rest: userdataRest(appendComment(nil, userdata.TypeComment, l.Bound[b])),
			})
		}
	}
	settings := ledgerSet(settingsSet, "set by apply, put back by delete")
	for i, name := range slices.Sorted(maps.Keys(l.Settings)) {
		settings.Elements = append(settings.Elements, Element{
			Key:  elementKey(markBytes(uint32(i + 1))),
			Rest: userdataRest(settingUserdata(name, l.Settings[name])),
		})
	}
	for _, s := range []*Set{bound, settings, drainedElements(l, t.Family.ofSpec())} {
		i := slices.IndexFunc(t.Sets, func(have *Set) bool { return have.Name == s.Name })
		switch {
		case i >= 0 && len(s.Elements) > 0:
			t.Sets[i] = s
		case i >= 0:
			t.Sets = slices.Delete(t.Sets, i, i+1)
		case len(s.Elements) > 0:
			t.Sets = append(t.Sets, s)
		}
	}
}

func ledgerSet(name, comment string) *Set {
	return &Set{Name: name, Comment: comment, KeyType: typeMark, KeyLen: 4, KeyHost: true}
}

// isLedgerSet reports whether the set belongs to the ledger, so that no rule looks it up.
func isLedgerSet(set string) bool { return set == boundSet || set == settingsSet || set == drainedSet }

func settingUserdata(name string, s Setting) []byte {
	b := appendComment(nil, userdata.TypeComment, name+" = "+s.Value)
	if s.Changed {
		b = userdata.Append(b, udPrevious, []byte(s.Previous))
	}
	return b
}

// WithLedger returns the ruleset with another ledger. It adds the tables of extra that the
// ruleset lacks, without their hooks, so that packets do not traverse them. Bound marks
// and drained real servers are stored in the first table of their family, settings in the
// first table.
func (r *Ruleset) WithLedger(l Ledger, extra *Ruleset) *Ruleset {
	next := &Ruleset{foreign: r.foreign}
	for _, t := range r.Tables {
		copied := *t
		copied.Sets = slices.Clone(t.Sets)
		next.Tables = append(next.Tables, &copied)
	}
	for _, t := range extra.Tables {
		if next.Table(t.Family, t.Name) == nil {
			next.Tables = append(next.Tables, t.withoutHooks())
		}
	}
	next.sort()
	seen := map[Family]bool{}
	for i, t := range next.Tables {
		part := Ledger{}
		if !seen[t.Family] {
			part.Bound, part.Drained = l.Bound, l.Drained
		}
		if i == 0 {
			part.Settings = l.Settings
		}
		seen[t.Family] = true
		t.setLedger(part)
	}
	return next
}

// withoutHooks returns the table without its base chains.
func (t *Table) withoutHooks() *Table {
	copied := *t
	copied.Sets = slices.Clone(t.Sets)
	copied.Chains = slices.DeleteFunc(slices.Clone(t.Chains), func(c *Chain) bool { return c.Type != "" })
	return &copied
}

func (r *Ruleset) sort() {
	slices.SortFunc(r.Tables, func(a, b *Table) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Name, b.Name))
	})
}

// A DrainedServer identifies a real server of one of lvsmark's IPVS services.
type DrainedServer struct {
	Service BoundMark
	Address netip.Addr
	Port    uint16
}

// IsDrained reports whether `lvsmark drain` has set the weight of a real server to 0.
func (l Ledger) IsDrained(service BoundMark, address netip.Addr, port uint16) bool {
	_, drained := l.Drained[DrainedServer{service, address, port}]
	return drained
}

// drainedFormat is the comment of an element: real server, mark of the service and weight
// before the drain.
const drainedFormat = "%s of fwmark %d, weight %d"

// drained reads the drained real servers of the table.
func (t *Table) drained() map[DrainedServer]int {
	servers := map[DrainedServer]int{}
	s := t.Set(drainedSet)
	if s == nil {
		return servers
	}
	for _, e := range s.Elements {
		var name string
		var weight int
		server := DrainedServer{Service: BoundMark{Family: t.Family.ofSpec()}}
		_, err := fmt.Sscanf(userdataText(e.parts().userdata, userdata.TypeComment), drainedFormat, &name, &server.Service.Mark, &weight)
		at, parseErr := netip.ParseAddrPort(name)
		if err != nil || parseErr != nil {
			continue // not written by lvsmark
		}
		server.Address, server.Port = at.Addr(), at.Port()
		servers[server] = weight
	}
	return servers
}

// drainedElements returns the set of the family's drained real servers.
func drainedElements(l Ledger, family config.Family) *Set {
	set := ledgerSet(drainedSet, "real servers with weight 0 by lvsmark drain")
	for _, d := range slices.SortedFunc(maps.Keys(l.Drained), DrainedServer.compare) {
		if d.Service.Family != family {
			continue
		}
		comment := fmt.Sprintf(drainedFormat, netip.AddrPortFrom(d.Address, d.Port), d.Service.Mark, l.Drained[d])
		set.Elements = append(set.Elements, Element{
			Key:  elementKey(markBytes(uint32(len(set.Elements) + 1))),
			Rest: userdataRest(appendComment(nil, userdata.TypeComment, comment)),
		})
	}
	return set
}

func (d DrainedServer) compare(other DrainedServer) int {
	return cmp.Or(cmp.Compare(d.Service.Family, other.Service.Family), cmp.Compare(d.Service.Mark, other.Service.Mark),
		d.Address.Compare(other.Address), cmp.Compare(d.Port, other.Port))
}
