package concurrency

import (
	"fmt"
	"strings"
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// whileWriting calls f while another process runs a program repeatedly, with the input
// for the next number each time. It fails if no run of the program succeeded.
func (w *fixture) whileWriting(program []string, input func(n int) string, f func()) {
	w.t.Helper()
	stop := make(chan struct{})
	var running sync.WaitGroup
	written, last := 0, ""
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
				written++
			} else {
				last = fmt.Sprintf("%v: %s", err, out)
			}
		}
	})
	defer func() {
		close(stop)
		running.Wait()
		require.Positive(w.t, written, last)
		w.t.Logf("the other process wrote %d times", written)
	}()
	f()
}

// applyAlternately applies the two specs alternately, and checks each outcome. It
// returns the number of successful applies. With foreign, the other process does not
// change lvsmark's objects: then a successful apply leaves no difference.
func (w *fixture) applyAlternately(foreign bool) (done int) {
	w.t.Helper()
	for n := range applyCount() {
		spec := w.specs[n%2]
		o := w.do(spec, "apply")
		w.checkOutcome(o)
		if o.status == 0 {
			done++
			if foreign {
				assert.True(w.t, w.matches(spec), "no difference after a successful apply")
			}
		}
	}
	w.t.Logf("%d of %d applies done", done, applyCount())
	return done
}
