package equivalence

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/integration/need"
)

// behindMangle is the priority next to that at which iptables and lvsmark mark.
const behindMangle = -149

func newSite(t *testing.T) *Site {
	t.Helper()
	s, err := NewSite()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func newNamespace(t *testing.T) *Namespace {
	t.Helper()
	n, err := NewNamespace()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

// observe sends packets through the hooks of a site and records them behind
// mangle, where they end.
func observe(t *testing.T, s *Site, packets []Packet) Sight {
	t.Helper()
	o := Observer{Name: "observer", Priority: behindMangle, Then: "drop", Size: len(packets)}
	require.NoError(t, s.Load(o.Text()))
	sights, err := s.Observe(packets, o)
	require.NoError(t, err)
	return sights[0]
}

// assertSame reports the packets whose marks differ, the first few of them.
func assertSame(t *testing.T, want, got Sight) {
	t.Helper()
	const most = 10
	differ := 0
	for p, mark := range want.Marks {
		if other := got.Marks[p]; other != mark {
			if differ++; differ <= most {
				t.Errorf("%s: mark %#x, want %#x", p, other, mark)
			}
		}
	}
	if differ > most {
		t.Errorf("%d packets differ in their mark", differ)
	}
	require.Len(t, got.Marks, len(want.Marks))
}

// A program is lvsmark itself.
type program struct{ path string }

func newProgram(t *testing.T) program {
	t.Helper()
	return program{need.Lvsmark(t)}
}

// apply makes the spec so.
func (p program) apply(t *testing.T, n *Namespace, yaml string) {
	t.Helper()
	_, err := n.Run(yaml, p.path, "-c", "-", "apply")
	require.NoError(t, err, yaml)
}

// render is the spec as text for `nft -f`.
func (p program) render(t *testing.T, n *Namespace, yaml string) string {
	t.Helper()
	text, err := n.Run(yaml, p.path, "-c", "-", "render", "nft")
	require.NoError(t, err, yaml)
	return text
}

// diff fails unless lvsmark finds no difference: it exits with status 0.
func (p program) diff(t *testing.T, n *Namespace, yaml string) {
	t.Helper()
	_, err := n.Run(yaml, p.path, "-c", "-", "diff")
	require.NoError(t, err, yaml)
}

// cases is how many random cases a test takes: n, but a tenth where time is short
// (go test -short), as under software emulation.
func cases(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// random is a source of its own for each case; the text names it in failures.
// LVSMARK_SEED is that of another run.
func random(i int) (string, *rand.Rand) {
	seed := cmp.Or(os.Getenv("LVSMARK_SEED"), "1")
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		panic("LVSMARK_SEED is not a number: " + seed)
	}
	return fmt.Sprintf("case %d with LVSMARK_SEED=%d", i, n), rand.New(rand.NewPCG(n, uint64(i)))
}
