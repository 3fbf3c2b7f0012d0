package nft

import (
	"testing"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// DisableRetry limits CommitLocked and Restore to one attempt.
func (c *Conn) DisableRetry() { c.retryTimeout = 0 }

// AssertDistinct is assertDistinct, for tests outside of the package.
func AssertDistinct(t *testing.T, changes []Change) {
	t.Helper()
	assertDistinct(t, changes)
}

// AddRefused adds objects that no kernel accepts, and objects that need them: rules of the
// chain, a counter, a set.
func (t *Table) AddRefused(chain string) {
	c := t.Chain(chain)
	add := func(list ...Expression) { c.Rules = append(c.Rules, &Rule{Expressions: expressionList(list)}) }
	t.Unmanaged = append(t.Unmanaged, Unmanaged{Kind: "counter", Name: "refused", typ: 99, raw: []netlink.Attribute{
		{Type: unix.NFTA_OBJ_NAME, Data: []byte("refused\x00")}, {Type: unix.NFTA_OBJ_TYPE, Data: []byte{0, 0, 0, 99}}, {Type: unix.NFTA_OBJ_DATA},
	}})
	t.Sets = append(t.Sets, &Set{Name: "refused", Flags: 1 << 30, KeyType: typeIPv4, KeyLen: 4})
	add(Expression{Name: "nosuch"})
	object := netlink.AppendBigEndian32(nil, unix.NFTA_OBJREF_IMM_TYPE, 1)
	add(Expression{Name: "objref", Data: string(netlink.AppendText(object, unix.NFTA_OBJREF_IMM_NAME, "refused"))})
	key, _ := newExpression(t.Family, &expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4})
	lookup, _ := newExpression(t.Family, &expr.Lookup{SourceRegister: unix.NFT_REG_1, SetName: "refused"})
	add(key, lookup)
}

// SetUserdata sets the raw userdata with which the rule is created.
func (r *Rule) SetUserdata(data []byte) { r.userdata = data }

// Userdata returns the raw userdata that the kernel lists.
func (r *Rule) Userdata() []byte { return r.userdata }

// ReadTables reads all tables of other programs with their contents, as own ones are read.
func (c *Conn) ReadTables() ([]*Table, error) {
	tables, err := c.readTables(unix.NFPROTO_UNSPEC)
	for _, t := range tables {
		if err == nil {
			err = c.readContents(t)
		}
	}
	return tables, err
}
