package nft

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

func TestIsOlder(t *testing.T) {
	for release, want := range map[string]bool{
		"4.18.0-553.el8_10.x86_64": true, "5.10.0-32-amd64": true, "5.11": true,
		"5.12.0": false, "5.14.0-503.el9": false, "6.1.0-56-amd64": false, "7.2.13+deb14-amd64": false, "unknown": false,
	} {
		assert.Equal(t, want, isOlder(release, 5, 12), release)
	}
}

func TestExplainOldKernel(t *testing.T) {
	other := &RefusedError{Object: "table ip other", Err: unix.EINVAL}
	assert.Equal(t, error(other), explainOldKernel(other))
	lock := &RefusedError{Object: "table ip lvsmark-lock", Err: unix.EINVAL}
	assert.EqualError(t, explainOldKernel(lock), "this kernel is too old: lvsmark needs Linux 5.12 or later, which supports tables owned by a process: "+
		"kernel refuses table ip lvsmark-lock: invalid argument")
	busy := &RefusedError{Object: "table ip lvsmark-lock", Err: unix.EPERM}
	assert.Equal(t, error(busy), explainOldKernel(busy))
}
