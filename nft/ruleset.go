package nft

import (
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A Ruleset is a set of nftables tables: as compiled, as the kernel gave it
// back, or as it is to be.
type Ruleset struct {
	Tables []*Table // by family, then by name
}

// A Table is an nftables table. Those of lvsmark's are of family ip or ip6.
type Table struct {
	Family    Family
	Name      string
	Flags     uint32 // NFT_TABLE_F_*
	Comment   string
	Sets      []*Set // in the order of the kernel's list: that of creation
	Chains    []*Chain
	Unmanaged []Unmanaged
}

// A Set is an nftables set, map or verdict map.
type Set struct {
	Name              string
	Flags             uint32 // NFT_SET_*
	KeyType, DataType uint32 // nft's own numbers for types, see datatype.go
	KeyLen, DataLen   uint32 // bytes
	Size              uint32 // elements at the most; 0: no bound
	Comment           string
	KeyHost, DataHost bool // host byte order; otherwise network byte order
	Elements          []Element
	rest              []netlink.Attribute // what the package does not know
}

// An Element of a set. Key and Rest are netlink attributes as they go over the
// wire: Key holds those that find the element (NFTA_SET_ELEM_KEY, _KEY_END,
// _FLAGS), Rest all others.
type Element struct {
	Key, Rest string
}

// A Chain is an nftables chain. Base chains have a Type.
type Chain struct {
	Name     string
	Type     string // filter or nat; empty: no base chain
	Hook     uint32 // NF_INET_*
	Priority int32
	Policy   uint32   // NF_ACCEPT or NF_DROP
	Flags    uint32   // NFT_CHAIN_*, without NFT_CHAIN_BASE
	Devices  []string // of hooks of devices, in order
	Comment  string
	Rules    []*Rule
	rest     []netlink.Attribute
}

// A Rule of a chain.
type Rule struct {
	Expressions string // the content of NFTA_RULE_EXPRESSIONS, as on the wire
	Comment     string
	Handle      uint64 // 0: not from the kernel
	rest        []netlink.Attribute
}

// An Unmanaged is an object in a table of lvsmark's that lvsmark never makes: a
// stateful object or a flowtable.
type Unmanaged struct {
	Kind string // counter, quota, flowtable, …
	Name string
	typ  uint32 // NFT_OBJECT_*; of objects only
	raw  []netlink.Attribute
}

// Table returns the table of that family and name, or nil.
func (r *Ruleset) Table(family Family, name string) *Table {
	for _, t := range r.Tables {
		if t.Family == family && t.Name == name {
			return t
		}
	}
	return nil
}

// Set returns the set of that name, or nil.
func (t *Table) Set(name string) *Set {
	for _, s := range t.Sets {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Chain returns the chain of that name, or nil.
func (t *Table) Chain(name string) *Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Drops reports whether the policy of the chain is to drop packets.
func (c *Chain) Drops() bool { return c.Type != "" && c.Policy == verdictDrop }

// String is "table ip lvsmark".
func (t *Table) String() string { return "table " + t.id() }

func (t *Table) id() string { return t.Family.String() + " " + t.Name }

// Kind is what nft calls it: map for maps and verdict maps, else set.
func (s *Set) Kind() string {
	if s.isMap() {
		return "map"
	}
	return "set"
}

func (s *Set) isMap() bool { return s.Flags&unix.NFT_SET_MAP != 0 }

func (s *Set) isInterval() bool { return s.Flags&unix.NFT_SET_INTERVAL != 0 }
