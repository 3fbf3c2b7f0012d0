package nft

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/integration/scratch"
	"github.com/lvsmark/lvsmark/integration/specgen"
)

// inCheck calls f with a connection in a new network namespace.
func inCheck(t *testing.T, f func(*Conn)) {
	t.Helper()
	need.NFTables(t)
	scratch.Do(t, func() {
		conn, err := Dial()
		require.NoError(t, err)
		defer conn.Close()
		f(conn)
	})
}

// TestCheckAgrees: a compiled ruleset is equal to what the kernel lists after a commit, and
// has the same text, for the examples, random specs and a large spec. So an apply without a
// rehearsal finds no difference afterwards.
func TestCheckAgrees(t *testing.T) {
	inCheck(t, func(conn *Conn) {
		rulesets := map[string]*Ruleset{"none": {}, "large": Compile(largeSpec(t, 3000, 6))}
		files, err := filepath.Glob("testdata/*.yaml")
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			rulesets[file] = Compile(parseText(t, string(text)))
		}
		for seed := range uint64(150) {
			rulesets[fmt.Sprintf("seed %d", seed)] = Compile(specgen.Spec(rand.New(rand.NewPCG(seed, 5))))
		}
		for name, compiled := range rulesets {
			require.NoError(t, conn.Check(compiled), name)
			rehearsed, err := Rehearse(compiled)
			require.NoError(t, err, name)
			assert.Empty(t, Compare(compiled, rehearsed).Changes(), name)
			assert.Empty(t, Compare(rehearsed, compiled).Changes(), name)
			assert.Equal(t, rehearsed.String(), compiled.String(), name)
		}
	})
}

// TestCheckChangesNothing: a check leaves no table, also beside a table of the same name,
// and does not change the generation.
func TestCheckChangesNothing(t *testing.T) {
	compiled := Compile(largeSpec(t, 10, 6))
	inCheck(t, func(conn *Conn) {
		for range 2 {
			before, err := conn.Snapshot()
			require.NoError(t, err)
			require.NoError(t, conn.Check(compiled))
			after, err := conn.Snapshot()
			require.NoError(t, err)
			require.Equal(t, before, after)
			if len(after.Tables) == 0 {
				require.NoError(t, conn.transact(createAll(compiled), 0))
			}
		}
	})
}

// TestCheckRefuses: the kernel refuses objects, and the error has the names of the ruleset.
// The connection can be used afterwards.
func TestCheckRefuses(t *testing.T) {
	inCheck(t, func(conn *Conn) {
		for object, spoil := range map[string]func(*Table){
			"rule ip lvsmark prerouting: ": func(t *Table) { t.Chain(preroutingChain).Rules[0].Expressions += "\x08\x00\x01\x00abcd" },
			"map ip lvsmark vips":          func(t *Table) { t.Set(vipsMap).KeyLen = 999 },
			"elements of map ip lvsmark vips": func(t *Table) {
				s := t.Set(vipsMap)
				s.Elements = append(s.Elements, Element{elementKey([]byte{1, 2, 3, 4}), gotoRest("nowhere")})
			},
		} {
			compiled := Compile(largeSpec(t, 10, 6))
			spoil(compiled.Tables[0])
			var refused *RefusedError
			require.ErrorAs(t, conn.Check(compiled), &refused, object)
			assert.Contains(t, refused.Object, object)
		}
		require.NoError(t, conn.Check(Compile(largeSpec(t, 10, 6))))
	})
}

// TestCheckPrivileges: a check needs no CAP_SYS_ADMIN.
func TestCheckPrivileges(t *testing.T) {
	inCheck(t, func(conn *Conn) {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		only := [2]unix.CapUserData{{Effective: 1 << unix.CAP_NET_ADMIN, Permitted: 1 << unix.CAP_NET_ADMIN}}
		require.NoError(t, unix.Capset(&header, &only[0]))
		require.NoError(t, conn.Check(Compile(largeSpec(t, 10, 6))))
		require.ErrorIs(t, unix.Unshare(unix.CLONE_NEWNET), unix.EPERM)
	})
}

// TestCheckHasNoHooks: a check registers no hook. The kernel drops the packets of all
// NFQUEUEs when it removes one.
func TestCheckHasNoHooks(t *testing.T) {
	hooks := func(messages []message) (n int) {
		for _, m := range messages {
			if _, _, hooked := findAttribute(string(m.data), unix.NFTA_CHAIN_HOOK); m.typ == unix.NFT_MSG_NEWCHAIN && hooked {
				n++
			}
		}
		return n
	}
	table := Compile(largeSpec(t, 10, 6)).Tables[0]
	assert.Equal(t, 2, hooks(createTable(table)))
	assert.Zero(t, hooks(table.checkMessages()))
	assert.Equal(t, 2, hooks(createTable(table)), "the table has its hooks afterwards")
}
