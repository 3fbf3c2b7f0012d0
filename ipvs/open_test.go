package ipvs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/ipvs"
)

// open connects to the IPVS of the calling thread's network namespace. The connection is
// closed when the test ends.
func open(t *testing.T) *ipvs.Conn {
	t.Helper()
	conn, err := ipvs.Open()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
