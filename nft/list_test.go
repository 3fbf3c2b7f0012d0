package nft

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// TestReadErrors: each dump of a snapshot may fail. A refusal is an error that names the
// object; an interruption, or an object that was deleted meanwhile, starts the read again.
func TestReadErrors(t *testing.T) {
	for _, typ := range []uint16{
		unix.NFT_MSG_GETGEN, unix.NFT_MSG_GETTABLE, unix.NFT_MSG_GETSET, unix.NFT_MSG_GETSETELEM,
		unix.NFT_MSG_GETCHAIN, unix.NFT_MSG_GETRULE, unix.NFT_MSG_GETOBJ, unix.NFT_MSG_GETFLOWTABLE,
	} {
		for errno, retried := range map[unix.Errno]bool{unix.EBUSY: false, unix.ENOENT: typ != unix.NFT_MSG_GETGEN} {
			kernel, failures := &fakeTables{tables: []*Table{ownTable("lvsmark")}, generation: 5, withSet: true}, 1
			conn := &Conn{nl: netlink.Fake(func(m netlink.Message) netlink.Answer {
				if m.Type == unix.NFNL_SUBSYS_NFTABLES<<8|typ && failures > 0 {
					failures--
					return netlink.Answer{Errno: errno}
				}
				return kernel.answer(m)
			})}
			s, err := conn.Snapshot()
			assert.Zero(t, failures, "%d", typ)
			if retried {
				require.NoError(t, err)
				assert.Len(t, s.Tables, 1)
				continue
			}
			require.ErrorIs(t, err, errno, "%d", typ)
		}
	}
}

// TestReadMalformed: an object that cannot be decoded is an error of the snapshot.
func TestReadMalformed(t *testing.T) {
	for _, typ := range []uint16{
		unix.NFT_MSG_GETTABLE, unix.NFT_MSG_GETSET, unix.NFT_MSG_GETSETELEM, unix.NFT_MSG_GETCHAIN, unix.NFT_MSG_GETRULE, unix.NFT_MSG_GETOBJ, unix.NFT_MSG_GETFLOWTABLE,
	} {
		kernel := &fakeTables{tables: []*Table{ownTable("lvsmark")}, generation: 5, withSet: true}
		conn := &Conn{nl: netlink.Fake(func(m netlink.Message) netlink.Answer {
			if m.Type == unix.NFNL_SUBSYS_NFTABLES<<8|typ {
				shorterThanItself := []byte{2, 0, 1, 0}
				return netlink.Answer{Objects: []netlink.Message{{Type: m.Type, Data: append(nfgenmsg(byte(IPv4), 0), shorterThanItself...)}}}
			}
			return kernel.answer(m)
		})}
		_, err := conn.Snapshot()
		require.ErrorContains(t, err, "an attribute is truncated", "%d", typ)
	}
}

// TestListErrors: the lists of other programs' objects return the kernel's refusal, and end.
func TestListErrors(t *testing.T) {
	table := ownTable("t")
	for name, list := range map[string]func(*Conn) error{
		"tables": func(c *Conn) error { _, err := c.Foreign(); return err },
		"sets":   func(c *Conn) error { _, err := c.Sets(table); return err },
		"rules": func(c *Conn) (err error) {
			for _, each := range c.Rules(table, &Chain{Name: "c"}) {
				err = errors.Join(err, each)
			}
			return err
		},
		"elements": func(c *Conn) (err error) {
			for _, each := range c.Elements(table, &Set{Name: "s"}) {
				err = errors.Join(err, each)
			}
			return err
		},
	} {
		conn := &Conn{nl: netlink.Fake(func(netlink.Message) netlink.Answer { return netlink.Answer{Errno: unix.EBUSY} })}
		require.ErrorIs(t, list(conn), unix.EBUSY, name)
		conn = &Conn{nl: netlink.Fake(func(netlink.Message) netlink.Answer { return netlink.Answer{} })}
		require.NoError(t, list(conn), name)
	}
}

// TestNoGeneration: an answer without a generation is an error.
func TestNoGeneration(t *testing.T) {
	conn := &Conn{nl: netlink.Fake(func(m netlink.Message) netlink.Answer {
		return netlink.Answer{Objects: []netlink.Message{{Type: m.Type, Data: nfgenmsg(0, 0)}}}
	})}
	_, err := conn.Generation()
	require.ErrorContains(t, err, "no generation")
}

// TestReadGivesUp: the generation differs after each read.
func TestReadGivesUp(t *testing.T) {
	kernel := &fakeTables{generation: 5}
	reads := 0
	conn := &Conn{nl: netlink.Fake(kernel.answer)}
	err := conn.ReadConsistently(3, func(generation uint32) error {
		assert.Equal(t, kernel.generation, generation)
		reads++
		kernel.generation++
		return nil
	})
	require.ErrorIs(t, err, errInterrupted)
	require.ErrorContains(t, err, "in each of 3 attempts")
	assert.Equal(t, 3, reads)
	require.NoError(t, conn.ReadConsistently(1, func(uint32) error { return nil }))
	require.ErrorIs(t, conn.ReadConsistently(3, func(uint32) error { return unix.EBUSY }), unix.EBUSY)
}

// TestObjectMessages encodes objects and decodes them. The numbers of attributes are those
// of linux/netfilter/nf_tables.h.
func TestObjectMessages(t *testing.T) {
	table := &Table{Family: IPv4, Name: "t", Comment: "of the table", Flags: tableOwner}
	decoded, err := decodeTable(IPv4, table.newTable().data)
	require.NoError(t, err)
	assert.Equal(t, table, decoded)
	for _, chain := range []*Chain{
		{Name: "c", Comment: "regular"},
		{Name: "c", Flags: 2},
		{Name: "c", Type: "filter", Hook: NetdevIngress, Priority: -7, Policy: verdictDrop, Devices: []string{"eth0", "eth1"}, Comment: "base"},
	} {
		of, decoded, err := decodeChain(table.newChain(chain).data)
		require.NoError(t, err)
		assert.Equal(t, "t", of)
		assert.Equal(t, chain, decoded)
	}
	assert.Equal(t, []int{6, 10, 12, unix.NFTA_HOOK_DEV + 1, 1, unix.NFTA_SET_ELEM_OBJREF + 1},
		[]int{nftaTableUserdata, nftaChainFlags, nftaChainUserdata, nftaHookDevs, nftaDeviceName, nftaSetElemKeyEnd})
	for _, c := range []struct {
		object Unmanaged
		typ    uint16
		want   string // attributes: the table, the name, the type of a stateful object
	}{
		{Unmanaged{Kind: "counter", Name: "n", typ: 1}, unix.NFT_MSG_DELOBJ, "\x06\x00\x01\x00t\x00\x00\x00\x06\x00\x02\x00n\x00\x00\x00\x08\x00\x03\x00\x00\x00\x00\x01"},
		{Unmanaged{Kind: flowtable, Name: "n"}, unix.NFT_MSG_DELFLOWTABLE, "\x06\x00\x01\x00t\x00\x00\x00\x06\x00\x02\x00n\x00\x00\x00"},
	} {
		m := table.delUnmanaged(c.object)
		assert.Equal(t, c.typ, m.typ)
		assert.Equal(t, c.want, string(m.data))
		assert.Equal(t, c.object.Kind+" ip t n", m.object)
		of, listed, err := decodeUnmanaged(c.object.Kind, m.data)
		require.NoError(t, err)
		assert.Equal(t, "t", of)
		assert.Equal(t, []any{c.object.Kind, c.object.Name, c.object.typ}, []any{listed.Kind, listed.Name, listed.typ})
	}
}
