package ipvs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/ipvs"
)

// TestListedBesideOthers lists services while those of another network namespace
// come and go: the kernel keeps all in one table, and counts its way through them.
func TestListedBesideOthers(t *testing.T) {
	withIPVS(t, func() {
		conn := open(t)
		var want []ipvs.Service
		for mark := range uint32(400) {
			want = append(want, crowd(mark+1, 1))
		}
		do(t, conn, ipvs.Diff(nil, want))
		var keys []ipvs.Key
		for _, s := range want {
			keys = append(keys, s.Key)
		}

		stop, stopped := make(chan bool), make(chan bool)
		go func() {
			defer close(stopped)
			onThread(func() { comeAndGo(t, stop) })
		}()
		for range 60 {
			have, err := conn.Services(keys...)
			require.NoError(t, err)
			require.Equal(t, want, have)
		}
		close(stop)
		<-stopped
	})
}

// comeAndGo adds and deletes services in a network namespace of the thread's own.
func comeAndGo(t *testing.T, stop <-chan bool) {
	if !assert.NoError(t, unix.Unshare(unix.CLONE_NEWNET)) {
		return
	}
	conn := open(t)
	var theirs []ipvs.Service
	for mark := range uint32(50) {
		theirs = append(theirs, crowd(mark+1, 0))
	}
	for {
		select {
		case <-stop:
			return
		default:
		}
		for _, changes := range [][]ipvs.Change{ipvs.Diff(nil, theirs), ipvs.Diff(theirs, nil)} {
			for _, err := range conn.Do(changes...) {
				if !assert.NoError(t, err) {
					return
				}
			}
		}
	}
}
