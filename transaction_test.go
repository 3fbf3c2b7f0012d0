package lvsmark

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/nft"
)

// marksSpec is applied in one nftables transaction, from any state.
const marksSpec = `
clusters:
  - {name: ftp, mark: 21, vips: [198.51.100.21, "2001:db8::21"], ftp: , real-servers: [{address: 10.0.0.11}, {address: "fd00::11"}]}
director: {bind: false, ip-forward: false}
`

// TestSingleTakesNoLock: a single transaction takes no lock, which would increase the
// generation.
func TestSingleTakesNoLock(t *testing.T) {
	w := newWorld(t)
	generation := w.generation()
	w.apply(parse(t, marksSpec))
	assert.Equal(t, generation+1, w.generation(), "first apply")
	w.apply(parse(t, strings.Replace(marksSpec, "[198.51.100.21,", "[198.51.100.21, 198.51.100.22,", 1)))
	assert.Equal(t, generation+2, w.generation(), "another VIP")
	w.remove()
	assert.Equal(t, generation+3, w.generation(), "delete")
}

// TestSingleUnderLock: the lock also prevents a single transaction.
func TestSingleUnderLock(t *testing.T) {
	w := newWorld(t)
	held, err := Lock(t.Context(), w.options())
	require.NoError(t, err)
	generation := w.generation()
	_, err = applySpec(t.Context(), parse(t, marksSpec), w.options())
	var locked *nft.LockedError
	require.ErrorAs(t, err, &locked)
	assert.Equal(t, generation, w.generation())
	require.NoError(t, held.Release())
	w.apply(parse(t, marksSpec))
}

// TestSingleUndone: a transaction whose answer was lost is undone, unless another process
// has changed lvsmark's tables since.
func TestSingleUndone(t *testing.T) {
	for name, c := range map[string]struct{ meanwhile, left string }{
		"carried out":   {"", ""},
		"changed since": {"add element ip lvsmark tcp_21_10000-20000 { 198.51.100.99 : 0x63 }", "198.51.100.99"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			before := w.state()
			w.inEngine(w.options(), func(e *engine) error {
				p, err := e.planSpec(t.Context(), Known(parse(t, marksSpec)))
				if err != nil {
					return err
				}
				d := p.transaction()
				if !assert.NotNil(t, d) {
					return nil
				}
				if _, err := e.Commit(d, p.live.Generation); err != nil {
					return err
				}
				if c.meanwhile != "" {
					w.nft(c.meanwhile)
				}
				_, err = e.undoTransaction(p)
				return err
			})
			if c.left == "" {
				assert.Equal(t, before, w.state())
				return
			}
			assert.Contains(t, w.state(), c.left)
		})
	}
}
