package need

import (
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

// outcome returns the result of a test that calls check. check runs in a separate
// goroutine, because a skipped or failed test ends its goroutine.
func outcome(check func(testing.TB)) (skipped, failed bool) {
	t := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		check(t)
	}()
	<-done
	return t.skipped, t.failed
}

type recorder struct {
	testing.TB
	skipped, failed bool
}

func (*recorder) Helper() {}

func (r *recorder) Skip(...any) {
	r.skipped = true
	runtime.Goexit()
}

func (r *recorder) Skipf(string, ...any) { r.Skip() }

func (r *recorder) Fatal(...any) {
	r.failed = true
	runtime.Goexit()
}

func TestMissingProgram(t *testing.T) {
	check := func(t testing.TB) { Programs(t, "sh", "no-such-program-of-lvsmark") }

	t.Setenv("LVSMARK_STRICT", "")
	skipped, failed := outcome(check)
	assert.True(t, skipped)
	assert.False(t, failed)

	t.Setenv("LVSMARK_STRICT", "1")
	skipped, failed = outcome(check)
	assert.False(t, skipped)
	assert.True(t, failed)
}

func TestPresentProgram(t *testing.T) {
	t.Setenv("LVSMARK_STRICT", "1")
	skipped, failed := outcome(func(t testing.TB) { Programs(t, "sh") })
	assert.False(t, skipped)
	assert.False(t, failed)
}

// On a kernel without IPVS, only LVSMARK_IPVS decides between skip and failure.
func TestIPVS(t *testing.T) {
	Root(t)
	t.Setenv("LVSMARK_STRICT", "1")
	t.Setenv("LVSMARK_IPVS", "")
	absent, failed := outcome(IPVS)
	assert.False(t, failed)
	_, err := os.Stat("/proc/net/ip_vs")
	assert.Equal(t, err != nil, absent, "need.IPVS skips exactly if /proc/net/ip_vs is missing")

	t.Setenv("LVSMARK_IPVS", "required")
	skipped, failed := outcome(IPVS)
	assert.False(t, skipped)
	assert.Equal(t, absent, failed)
}

func TestKernel(t *testing.T) {
	assert.True(t, atLeast("6.1.0-56-amd64", 6, 1))
	assert.True(t, atLeast("6.10.3", 6, 9))
	assert.True(t, atLeast("7.0-rc1", 6, 12))
	assert.False(t, atLeast("5.18.0", 6, 1))
	assert.False(t, atLeast("6.1.0", 6, 2))

	skipped, _ := outcome(func(t testing.TB) { Kernel(t, 3, 0) })
	assert.False(t, skipped)
	skipped, _ = outcome(func(t testing.TB) { Kernel(t, 999, 0) })
	assert.True(t, skipped)
}
