package nft

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// lockedKernel lists the lock's table after the first reads, which changes of the ruleset
// interrupt.
func lockedKernel(interrupted int, reads *int) func(netlink.Message) netlink.Answer {
	return func(m netlink.Message) netlink.Answer {
		*reads++
		table := lockTable("pid 1, apply").newTable()
		object := netlink.Message{Data: append(nfgenmsg(byte(IPv4), 0), table.data...), Type: unix.NFNL_SUBSYS_NFTABLES<<8 | table.typ}
		if *reads <= interrupted {
			object.Flags = unix.NLM_F_DUMP_INTR
		}
		return netlink.Answer{Objects: []netlink.Message{object}}
	}
}

// TestLockOwnerRetries: a change of the ruleset during the read is no error.
func TestLockOwnerRetries(t *testing.T) {
	for _, interrupted := range []int{0, 1, snapshotTries - 1} {
		reads := 0
		owner, found, err := (&Conn{nl: netlink.Fake(lockedKernel(interrupted, &reads))}).LockOwner()
		require.NoError(t, err)
		assert.True(t, found)
		assert.Equal(t, "pid 1, apply", owner)
		assert.Equal(t, interrupted+1, reads)
	}
	reads := 0
	_, found, err := (&Conn{nl: netlink.Fake(lockedKernel(snapshotTries, &reads))}).LockOwner()
	require.ErrorIs(t, err, errInterrupted)
	assert.False(t, found)
	assert.Equal(t, snapshotTries, reads)
}

// TestLockOwnerErrors: errors other than an interrupted read are returned at once.
func TestLockOwnerErrors(t *testing.T) {
	reads := 0
	conn := &Conn{nl: netlink.Fake(func(netlink.Message) netlink.Answer { reads++; return netlink.Answer{Errno: unix.EPERM} })}
	_, found, err := conn.LockOwner()
	require.ErrorIs(t, err, unix.EPERM)
	assert.False(t, found)
	assert.Equal(t, 1, reads)
}

// A fakeTables is a kernel with tables that have no contents. Before a commit it calls
// before, which may change the tables as another process does.
type fakeTables struct {
	tables     []*Table
	generation uint32
	before     func()
	commits    int
	begin      netlink.Message // of the current batch
	changed    bool            // by the current batch
	withSet    bool            // each table has a set
}

func (f *fakeTables) answer(m netlink.Message) netlink.Answer {
	object := func(typ uint16, family Family, attributes []byte) netlink.Message {
		return netlink.Message{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | typ, Data: append(nfgenmsg(byte(family), 0), attributes...)}
	}
	switch m.Type {
	case unix.NFNL_MSG_BATCH_BEGIN:
		f.begin, f.changed = m, false
		if f.before != nil {
			f.before()
		}
	case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN:
		return netlink.Answer{Objects: []netlink.Message{object(unix.NFT_MSG_NEWGEN, 0, netlink.AppendBigEndian32(nil, unix.NFTA_GEN_ID, f.generation))}}
	case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETTABLE:
		var a netlink.Answer
		for _, t := range f.tables {
			if byte(t.Family) == m.Data[0] {
				a.Objects = append(a.Objects, object(unix.NFT_MSG_NEWTABLE, t.Family, t.newTable().data))
			}
		}
		return a
	case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETSET:
		if f.withSet {
			return netlink.Answer{Objects: []netlink.Message{object(unix.NFT_MSG_NEWSET, IPv4, f.tables[0].newSet(&Set{Name: "s"}, 1).data)}}
		}
	case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWTABLE, unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELTABLE:
		f.changed = true
		return f.change(m)
	case unix.NFNL_MSG_BATCH_END:
		if f.changed {
			f.generation++
			f.commits++
		}
	}
	return netlink.Answer{}
}

// change adds or deletes a table.
func (f *fakeTables) change(m netlink.Message) netlink.Answer {
	_, data, _ := netlink.FirstAttribute(f.begin.Data[nfgenmsgLen:])
	if len(data) == 4 && uint32Of(data) != f.generation {
		f.changed = false
		return netlink.Answer{Errno: unix.ERESTART}
	}
	table, err := decodeTable(Family(m.Data[0]), m.Data[nfgenmsgLen:])
	if err != nil {
		return netlink.Answer{Errno: unix.EINVAL}
	}
	if m.Type&0xff == unix.NFT_MSG_NEWTABLE {
		f.tables = append(f.tables, table)
	} else {
		f.tables = withoutTable(f.tables, table)
	}
	return netlink.Answer{}
}

// withoutTable returns the tables except one.
func withoutTable(list []*Table, table *Table) []*Table {
	return slices.DeleteFunc(slices.Clone(list), func(t *Table) bool { return t.Name == table.Name && t.Family == table.Family })
}

func ownTable(name string) *Table { return &Table{Family: IPv4, Name: name, Comment: tableComment} }

// TestCommitLockedContinues: if another process changes other tables, the commit continues,
// also between two transactions. If it changes lvsmark's tables before the first
// transaction, nothing is changed.
func TestCommitLockedContinues(t *testing.T) {
	other, own := &Table{Family: IPv4, Name: "other"}, ownTable("third")
	for name, c := range map[string]struct {
		added  *Table
		before int // transaction of lvsmark before which it is added
		stale  bool
		want   []string
	}{
		"no other process":                   {nil, 0, false, []string{"b"}},
		"another table first":                {other, 0, false, []string{"other", "b"}},
		"another table between transactions": {other, 1, false, []string{"b", "other"}},
		"an own table first":                 {own, 0, true, []string{"a", "third"}},
		"an own table between transactions":  {own, 1, false, []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := ownTable("a"), ownTable("b")
			kernel := &fakeTables{tables: []*Table{from}, generation: 9}
			kernel.before = func() {
				if c.added != nil && kernel.commits == c.before {
					kernel.tables = append(kernel.tables, c.added)
					kernel.generation++
					c.added = nil
				}
			}
			conn := &Conn{nl: netlink.Fake(kernel.answer), retryTimeout: time.Hour, wait: func() {}}
			generation, err := conn.CommitLocked(Compare(rulesetOf(from), rulesetOf(to)), 9)
			var names []string
			for _, t := range kernel.tables {
				names = append(names, t.Name)
			}
			assert.Equal(t, c.want, names)
			if c.stale {
				require.ErrorIs(t, err, ErrStale)
				assert.Equal(t, uint32(9), generation)
				assert.Zero(t, kernel.commits)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, kernel.generation, generation)
		})
	}
}

// TestCommitLockedTimeout: without time for another attempt, the error wraps ErrStale and
// says how many attempts were made.
func TestCommitLockedTimeout(t *testing.T) {
	from, to := ownTable("a"), ownTable("b")
	kernel := &fakeTables{tables: []*Table{from}, generation: 9}
	kernel.before = func() { kernel.generation++ }
	conn := &Conn{nl: netlink.Fake(kernel.answer), wait: func() {}}
	_, err := conn.CommitLocked(Compare(rulesetOf(from), rulesetOf(to)), 9)
	require.ErrorIs(t, err, ErrStale)
	assert.ErrorContains(t, err, "during each of 1 attempts")
	assert.Len(t, kernel.tables, 1)
}

// TestRestoreUntilEqual: Restore looks at the tables again after each commit, and after each change
// of another process.
func TestRestoreUntilEqual(t *testing.T) {
	for name, commits := range map[string]int{"before the first transaction": 0, "between the transactions": 1, "after the last transaction": 2} {
		kernel := &fakeTables{tables: []*Table{ownTable("a")}, generation: 9}
		changed := false
		change := func() {
			if !changed && kernel.commits == commits {
				kernel.tables, changed = append(kernel.tables, ownTable("third")), true
				kernel.generation++
			}
		}
		kernel.before = func() {
			if commits == 0 {
				change()
			}
		}
		conn := &Conn{nl: netlink.Fake(func(m netlink.Message) netlink.Answer {
			if commits > 0 {
				change()
			}
			return kernel.answer(m)
		}), retryTimeout: time.Hour, wait: func() {}}
		restored, err := conn.Restore(rulesetOf(ownTable("b")))
		require.NoError(t, err, name)
		assert.Equal(t, Restored{Changed: true}, restored, name)
		assert.True(t, changed, name)
		assert.Equal(t, []*Table{ownTable("b")}, kernel.tables, name)
	}
}

// TestForeignTables: packets do not traverse the chains of a dormant table, so it does not
// count; nor do lvsmark's tables.
func TestForeignTables(t *testing.T) {
	kernel := &fakeTables{tables: []*Table{
		ownTable("lvsmark"),
		{Family: IPv4, Name: "dormant", Flags: unix.NFT_TABLE_F_DORMANT},
		{Family: IPv4, Name: "owned and dormant", Flags: unix.NFT_TABLE_F_DORMANT | tableOwner},
		{Family: IPv4, Name: "z", Comment: "not lvsmark: "},
		{Family: IPv4, Name: "a", Flags: tableOwner},
	}}
	for _, table := range kernel.tables {
		assert.Equal(t, strings.Contains(table.Name, "dormant"), table.IsDormant(), table.Name)
	}
	for _, table := range kernel.tables {
		table.Family = unix.NFPROTO_UNSPEC // the family of the dump
	}
	tables, err := (&Conn{nl: netlink.Fake(kernel.answer)}).Foreign()
	require.NoError(t, err)
	var names []string
	for _, table := range tables {
		names = append(names, table.Name)
	}
	assert.Equal(t, []string{"a", "z"}, names)
}
