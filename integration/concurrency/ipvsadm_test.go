package concurrency

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/integration/need"
)

var ipvsadmFile = []string{"ipvsadm", "-R"}

// TestForeignServices adds, edits and deletes services of other marks all the time:
// every apply succeeds.
func TestForeignServices(t *testing.T) {
	need.IPVS(t)
	w := newFixture(t)
	w.whileWriting(ipvsadmFile, func(n int) string {
		mark := 4000 + n%3
		return fmt.Sprintf("-A -f %[1]d -s rr\n-a -f %[1]d -r 10.9.0.1:0 -m -w 1\n-e -f %[1]d -r 10.9.0.1:0 -m -w 9\n-D -f %[1]d\n", mark)
	}, func() {
		assert.Equal(t, applyCount(), w.applyAlternately(true))
	})
	w.checkConverges()
}

// TestOwnServices changes lvsmark's service all the time: weights, the scheduler, real
// servers, the service itself.
func TestOwnServices(t *testing.T) {
	need.IPVS(t)
	w := newFixture(t)
	w.do(w.specs[0], "apply")
	edits := []string{
		"-e -f 21 -r 10.0.0.12:0 -m -w 7",
		"-E -f 21 -s lc",
		"-d -f 21 -r 10.0.0.12:0",
		"-a -f 21 -r 10.0.0.12:0 -m -w 3",
		"-a -f 21 -r 10.0.0.99:0 -m -w 3",
		"-D -f 21",
		"-A -f 21 -s wrr",
		"-a -f 21 -r 10.0.0.11:0 -m -w 4",
	}
	w.whileWriting(ipvsadmFile, func(n int) string { return edits[n%len(edits)] + "\n" }, func() {
		w.applyAlternately(false)
	})
	w.checkConverges()
}
