package nft_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/nft"
)

const otherSpec = `
clusters:
  - {name: ftp, mark: 22, vips: [198.51.100.21, 198.51.100.23], ftp: {passive-ports: 30000-40000}, real-servers: [{address: 10.0.0.11}]}
  - {name: a, mark: 81, vips: [198.51.100.22], ports: [81], real-servers: [{address: 10.0.0.11}]}
  - {name: b, mark: 82, vips: [198.51.100.22], ports: [82], real-servers: [{address: 10.0.0.11}]}
  - {name: c, mark: 83, vips: ["2001:db8::1"], ports: [83], real-servers: [{address: "fd00::1"}]}
`

// TestStale: another process changes the ruleset between plan and commit.
func TestStale(t *testing.T) {
	want := rehearse(t, parse(t, healSpec))
	inScratch(t, func() {
		conn := dial(t)
		now := snapshot(t, conn)
		run(t, "add table ip other", "-f", "-")
		before := list(t, "ruleset")
		_, err := conn.Commit(nft.Compare(&now.Ruleset, want), now.Generation)
		require.ErrorIs(t, err, nft.ErrStale)
		assert.Equal(t, before, list(t, "ruleset"))
	})
}

// TestRefused: the error has the kernel's message and the object, and nothing is changed.
func TestRefused(t *testing.T) {
	want := rehearse(t, parse(t, healSpec))
	inScratch(t, func() {
		conn := dial(t)
		now := snapshot(t, conn)
		// A foreign table with the name that the commit creates.
		run(t, "add table ip lvsmark", "-f", "-")
		before := list(t, "ruleset")
		_, err := conn.Commit(nft.Compare(&now.Ruleset, want), 0)
		var refused *nft.RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, "table ip lvsmark", refused.Object)
		assert.True(t, errors.Is(err, unix.EEXIST), "%v", err)
		assert.Contains(t, err.Error(), "file exists")
		assert.Equal(t, before, list(t, "ruleset"))
	})
}

// TestCommitAndRestore commits each spec after each other one, and restores the first. Tables
// of other programs stay unchanged, also one of the same name and another family.
func TestCommitAndRestore(t *testing.T) {
	specs := map[string]string{
		"heal": healSpec, "other": otherSpec,
		"one":        read(t, "testdata/one-vip.yaml"),
		"families":   read(t, "testdata/two-families.yaml"), // another table name
		"profiles":   read(t, "testdata/many-profiles.yaml"),
		"severalVIP": read(t, "testdata/several-vips.yaml"),
	}
	for from, fromSpec := range specs {
		for to, toSpec := range specs {
			t.Run(from+" to "+to, func(t *testing.T) {
				first, second := rehearse(t, parse(t, fromSpec)), rehearse(t, parse(t, toSpec))
				inScratch(t, func() {
					run(t, foreign, "-f", "-")
					conn := dial(t)
					apply(t, conn, first)
					others := foreignOf(t, conn)
					apply(t, conn, second)
					now := snapshot(t, conn)
					assert.Empty(t, nft.Compare(&now.Ruleset, second).Changes())
					for _, table := range nft.InKernelOrder(first, second).Tables {
						one := nft.Ruleset{Tables: []*nft.Table{table}}
						assert.Equal(t, asListed(t, one.String()), list(t, strings.Fields(table.String())...), "the order of InKernelOrder")
					}
					restoreAll(t, conn, first)
					now = snapshot(t, conn)
					assert.Empty(t, nft.Compare(&now.Ruleset, first).Changes())
					assert.Equal(t, others, foreignOf(t, conn))
					apply(t, conn, &nft.Ruleset{})
					assert.Equal(t, foreign, list(t, "ruleset"))
				})
			})
		}
	}
}

// TestCommitLockedGivesUp: CommitLocked fails if other processes change the ruleset until
// its timeout, and retries before.
func TestCommitLockedGivesUp(t *testing.T) {
	want := rehearse(t, parse(t, healSpec))
	inScratch(t, func() {
		conn := dial(t)
		old := snapshot(t, conn)
		run(t, "add table ip other", "-f", "-")
		before := list(t, "ruleset")
		conn.DisableRetry()
		_, err := conn.CommitLocked(nft.Compare(&old.Ruleset, want), old.Generation)
		require.ErrorIs(t, err, nft.ErrStale)
		require.ErrorContains(t, err, "during each of 1 attempts: `nft monitor` prints the process that changes it")
		assert.Equal(t, before, list(t, "ruleset"))

		_, err = dial(t).CommitLocked(nft.Compare(&old.Ruleset, want), old.Generation)
		require.NoError(t, err)
		now := snapshot(t, conn)
		assert.Empty(t, nft.Compare(&now.Ruleset, want).Changes())
	})
}

// TestRestoreGivesUp: Restore fails if the kernel refuses each attempt.
func TestRestoreGivesUp(t *testing.T) {
	want := rehearse(t, parse(t, healSpec))
	inScratch(t, func() {
		conn := dial(t)
		run(t, "add table ip another", "-f", "-")
		before := list(t, "ruleset")
		want.Tables[0].Chain("postrouting").Priority = -300 // too early for a chain of type nat
		_, err := conn.Restore(want)
		require.ErrorIs(t, err, unix.EOPNOTSUPP)
		assert.Equal(t, before, list(t, "ruleset"))
	})
}

// TestManyVIPs exceeds the length of a netlink attribute, the default socket buffer and the
// initial size of a map.
func TestManyVIPs(t *testing.T) {
	few, many := rehearse(t, manyVIPs(t, 400)), rehearse(t, manyVIPs(t, 20_000))
	inScratch(t, func() {
		conn := dial(t)
		apply(t, conn, few)
		changes := apply(t, conn, many)
		assert.Len(t, changes, 20_000-400+1, "elements, and the size of the map")
		now := snapshot(t, conn)
		assert.Len(t, now.Tables[0].Set("tcp_21_10000-20000").Elements, 20_000)
		assert.Empty(t, nft.Compare(&now.Ruleset, many).Changes())
		apply(t, conn, few)
		assert.Len(t, snapshot(t, conn).Tables[0].Set("tcp_21_10000-20000").Elements, 400)
	})
}
