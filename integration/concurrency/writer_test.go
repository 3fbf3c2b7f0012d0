package concurrency

import (
	"fmt"
	"strings"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// while calls f while somebody else runs a program again and again, each time
// with the input of the next number. It fails where no run of it was good.
func (w *world) while(program []string, input func(n int) string, f func()) {
	w.t.Helper()
	stop := make(chan struct{})
	var running sync.WaitGroup
	good, last := 0, ""
	running.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			cmd := w.command(program...)
			cmd.Stdin = strings.NewReader(input(n))
			if out, err := cmd.CombinedOutput(); err == nil {
				good++
			} else {
				last = fmt.Sprintf("%v: %s", err, out)
			}
		}
	})
	defer func() {
		close(stop)
		running.Wait()
		require.Positive(w.t, good, last)
		w.t.Logf("others wrote %d times", good)
	}()
	f()
}

// applyInTurn applies the specs in turn, and asserts that each apply is fair. It
// returns how many were done. Where others leave alone what is lvsmark's, each
// of those leaves no difference.
func (w *world) applyInTurn(foreign bool) (done int) {
	w.t.Helper()
	for n := range applies() {
		spec := w.specs[n%2]
		o := w.do(spec, "apply")
		w.fair(o)
		if o.status == 0 {
			done++
			if foreign {
				assert.True(w.t, w.is(spec), "no difference after an apply that was done")
			}
		}
	}
	w.t.Logf("%d of %d applies done", done, applies())
	return done
}
