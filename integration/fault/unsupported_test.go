//go:build !(linux && amd64)

package fault_test

import "testing"

func TestMarks(t *testing.T) {
	t.Skip("needs Linux on amd64: the tracer supports no other registers")
}
