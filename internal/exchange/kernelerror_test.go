package exchange

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

// TestVerdicts: where answers were lost, nothing passes for done.
func TestVerdicts(t *testing.T) {
	lost := errors.New("lost")
	assert.Equal(t, []error{nil, unix.EEXIST, nil}, Verdicts([]error{nil, unix.EEXIST, nil}, nil))
	assert.Equal(t, []error{lost, unix.EEXIST, lost}, Verdicts([]error{nil, unix.EEXIST, nil}, lost))
	assert.ErrorIs(t, Verdicts([]error{unix.EPERM}, nil)[0], ErrPrivilege)
}
