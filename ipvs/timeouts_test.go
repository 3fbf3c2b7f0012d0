package ipvs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
)

// TestTimeouts sets all timeouts, then one: the others keep their values.
func TestTimeouts(t *testing.T) {
	withIPVS(t, func() {
		conn := open(t)
		want := config.Timeouts{TCP: 2 * time.Hour, TCPFin: time.Second, UDP: 301 * time.Second}
		require.NoError(t, conn.SetTimeouts(want))
		require.NoError(t, conn.SetTimeouts(config.Timeouts{UDP: 5 * time.Minute}))
		want.UDP = 5 * time.Minute
		got, err := conn.Timeouts()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
}
