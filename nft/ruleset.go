package nft

import (
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/internal/nftname"
	"github.com/lvsmark/lvsmark/internal/printable"
)

// A Ruleset is a set of nftables tables: compiled, listed by the kernel, or desired.
type Ruleset struct {
	Tables []*Table // sorted by family, then by name

	foreign []TableName // of a snapshot: names that other programs' tables have
}

// A Table is an nftables table. lvsmark's tables have family ip or ip6.
type Table struct {
	Family    Family
	Name      string
	Flags     uint32 // NFT_TABLE_F_*
	Comment   string
	Sets      []*Set // in order of creation, as the kernel lists them
	Chains    []*Chain
	Unmanaged []Unmanaged
}

// A Set is an nftables set, map or verdict map.
type Set struct {
	Name              string
	Flags             uint32 // NFT_SET_*
	KeyType, DataType uint32 // nft's type numbers, see datatype.go
	KeyLen, DataLen   uint32 // bytes
	Size              uint32 // maximum number of elements; 0: unlimited
	Comment           string
	KeyHost, DataHost bool // host byte order; otherwise network byte order
	Elements          []Element
	rest              []netlink.Attribute // unknown attributes

	userdata    []byte            // as the kernel lists it; nil: not from the kernel
	expirations map[string]string // by Element.Key: NFTA_SET_ELEM_EXPIRATION, in wire format
	copyOf      *Set              // the set of which this is a temporary copy; nil: none
	id          uint32            // anonymous sets: number in a transaction; others: 0
	devices     nftname.Devices   // of the elements; see Conn.nameDevices
}

// An Element is an element of a set. Key and Rest are netlink attributes in wire format: Key
// contains those that identify the element (NFTA_SET_ELEM_KEY, _KEY_END, _FLAGS), Rest all
// others.
type Element struct {
	Key, Rest string
}

// A Chain is an nftables chain. Base chains have a Type.
type Chain struct {
	Name     string
	Type     string // filter or nat; empty: not a base chain
	Hook     uint32 // NF_INET_*
	Priority int32
	Policy   uint32   // NF_ACCEPT or NF_DROP
	Flags    uint32   // NFT_CHAIN_*, without NFT_CHAIN_BASE
	Devices  []string // devices of the hook, sorted
	Comment  string
	Rules    []*Rule
	rest     []netlink.Attribute
	id       uint32 // anonymous chains: number in a transaction; others: 0
}

// A Rule is a rule of a chain.
type Rule struct {
	Expressions string // content of NFTA_RULE_EXPRESSIONS, in wire format
	Comment     string
	Handle      uint64 // 0: not from the kernel
	rest        []netlink.Attribute

	userdata  []byte // as the kernel lists it; nil: not from the kernel
	copyOf    *Rule  // the rule of which this is a copy for temporary sets; nil: none
	anonymous anonymous
	devices   nftname.Devices // to which the rule refers; see Conn.nameDevices
}

// An Unmanaged is an object in one of lvsmark's tables that lvsmark never creates: a
// stateful object or a flowtable.
type Unmanaged struct {
	Kind string // counter, quota, flowtable, …
	Name string
	typ  uint32 // NFT_OBJECT_*; not for flowtables
	raw  []netlink.Attribute
}

// Helpers returns the objects `ct helper` of a table whose objects have been read: the helper of
// connection tracking by the name of the object.
func (t *Table) Helpers() map[string]string {
	const helperName = 1 // NFTA_CT_HELPER_NAME
	helpers := map[string]string{}
	for _, o := range t.Unmanaged {
		for _, data := range o.raw {
			if o.Kind != ObjectKind(unix.NFT_OBJECT_CT_HELPER) || data.Type != unix.NFTA_OBJ_DATA {
				continue
			}
			_ = decode(data.Data, "object", func(a attribute) {
				if a.typ == helperName {
					helpers[o.Name] = a.text()
				}
			})
		}
	}
	return helpers
}

// Table returns the table with that family and name, or nil.
func (r *Ruleset) Table(family Family, name string) *Table {
	for _, t := range r.Tables {
		if t.Family == family && t.Name == name {
			return t
		}
	}
	return nil
}

// Set returns the set with that name, or nil.
func (t *Table) Set(name string) *Set {
	for _, s := range t.Sets {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Chain returns the chain with that name, or nil.
func (t *Table) Chain(name string) *Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Drops reports whether the policy of the chain is drop.
func (c *Chain) Drops() bool { return c.Type != "" && c.Policy == verdictDrop }

// String returns, for example, "table ip lvsmark".
func (t *Table) String() string { return "table " + t.id() }

func (t *Table) id() string { return t.Family.String() + " " + printable.Line(t.Name) }

// A TableName identifies a table.
type TableName struct {
	Family Family
	Name   string
}

// String returns, for example, "table ip filter".
func (n TableName) String() string {
	return "table " + n.Family.String() + " " + printable.Line(n.Name)
}

// TableName returns the family and the name.
func (t *Table) TableName() TableName { return TableName{t.Family, t.Name} }

// Kind returns nft's keyword: "map" for maps and verdict maps, else "set".
func (s *Set) Kind() string {
	if s.isMap() {
		return "map"
	}
	return "set"
}

func (s *Set) isMap() bool { return s.Flags&unix.NFT_SET_MAP != 0 }

func (s *Set) isInterval() bool { return s.Flags&unix.NFT_SET_INTERVAL != 0 }
