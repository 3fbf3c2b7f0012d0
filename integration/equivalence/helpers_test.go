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

// afterMangle is the next priority after that of the marks of iptables and lvsmark.
const afterMangle = -149

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

// observe sends packets to a site, records them after mangle and drops them there.
func observe(t *testing.T, s *Site, packets []Packet) Observation {
	t.Helper()
	o := Observer{Name: "observer", Priority: afterMangle, Then: "drop", Size: len(packets)}
	require.NoError(t, s.Load(o.Text()))
	sights, err := s.Observe(packets, o)
	require.NoError(t, err)
	return sights[0]
}

// assertSame reports the first packets with different marks.
func assertSame(t *testing.T, want, got Observation) {
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

// A program is the lvsmark binary.
type program struct{ path string }

func newProgram(t *testing.T) program {
	t.Helper()
	return program{need.Lvsmark(t)}
}

// apply applies the spec.
func (p program) apply(t *testing.T, n *Namespace, yaml string) {
	t.Helper()
	_, err := n.Run(yaml, p.path, "-c", "-", "apply")
	require.NoError(t, err, yaml)
}

// render returns the spec as text for `nft -f`.
func (p program) render(t *testing.T, n *Namespace, yaml string) string {
	t.Helper()
	text, err := n.Run(yaml, p.path, "-c", "-", "render", "nft")
	require.NoError(t, err, yaml)
	return text
}

// diff requires that lvsmark finds no difference: exit status 0.
func (p program) diff(t *testing.T, n *Namespace, yaml string) {
	t.Helper()
	_, err := n.Run(yaml, p.path, "-c", "-", "diff")
	require.NoError(t, err, yaml)
}

// cases returns the number of random cases of a test: n, or a tenth of it with -short,
// as under software emulation.
func cases(n int) int {
	if testing.Short() {
		return n / 10
	}
	if times, err := strconv.Atoi(os.Getenv("LVSMARK_CASES")); err == nil && times > 0 {
		return n * times
	}
	return n
}

// random returns a separate random source for each case, and its description for
// failures. LVSMARK_SEED repeats another run.
func random(i int) (string, *rand.Rand) {
	seed := cmp.Or(os.Getenv("LVSMARK_SEED"), "1")
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		panic("LVSMARK_SEED is not a number: " + seed)
	}
	return fmt.Sprintf("case %d with LVSMARK_SEED=%d", i, n), rand.New(rand.NewPCG(n, uint64(i)))
}
