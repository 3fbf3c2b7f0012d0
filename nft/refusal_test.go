package nft

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// TestRefusedBegin refuses a transaction before its first object.
func TestRefusedBegin(t *testing.T) {
	conn := &Conn{nl: netlink.Fake(func(m netlink.Message) netlink.Answer {
		if m.Type == unix.NFNL_MSG_BATCH_BEGIN {
			return netlink.Answer{Errno: unix.EPERM}
		}
		return netlink.Answer{}
	})}
	err := conn.transact([]message{ownTable("lvsmark").newTable()}, 0)
	var refusal *RefusedError
	require.ErrorAs(t, err, &refusal)
	require.ErrorIs(t, err, unix.EPERM)
	assert.Equal(t, "the transaction", refusal.Object)
}

// TestRestoreGivesUpObject refuses an object that was added by hand: Restore leaves it out
// after its second refusal.
func TestRestoreGivesUpObject(t *testing.T) {
	table := ownTable("lvsmark")
	table.Unmanaged = []Unmanaged{{Kind: "counter", Name: "refused"}}
	origin := &table.Unmanaged[0]
	s := restoration{target: &Ruleset{Tables: []*Table{table}}, refusals: map[any]int{}}
	for refusals, want := range []int{0, 1} {
		require.NoError(t, s.handle(&RefusedError{Err: unix.EINVAL, origin: origin}))
		assert.Len(t, s.result.Lost, want, "after %d refusals", refusals+1)
	}
	assert.Empty(t, s.target.Tables[0].Unmanaged)
}

// TestPattern: only a new anonymous set gets its number from the kernel.
func TestPattern(t *testing.T) {
	for want, s := range map[string]Set{
		"__set%d": {Name: "__set10", id: 1}, "__set10": {Name: "__set10"}, "__set": {Name: "__set", id: 1}, "ports21": {Name: "ports21", id: 1},
	} {
		assert.Equal(t, want, s.pattern(), "%+v", s)
	}
}
