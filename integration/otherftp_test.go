package integration_test

import (
	"testing"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/stretchr/testify/require"
)

// proftpd and pure-ftpd, configured by `lvsmark render`, serve passive and active sessions,
// plain and with TLS, through the director.
func TestProftpd(t *testing.T) { testOther(t, "proftpd") }

func TestPureFTPd(t *testing.T) { testOther(t, "pure-ftpd") }

func testOther(t *testing.T, program string) {
	need.Programs(t, program)
	c := newCluster(t, lab.Options{Forwarding: config.NAT})
	c.translate = "snat"
	defer func() {
		if t.Failed() {
			t.Log(c.lab.Logs())
		}
	}()
	require.NoError(t, c.lab.Apply(c.spec()))
	require.NoError(t, c.lab.StartOther(program))
	t.Run("plain and TLS", func(t *testing.T) { c.run(t, c.eachMode(), lab.VIP) })
	t.Run("programs", func(t *testing.T) {
		c.run(t, []lab.Session{
			{Client: lab.Curl, Family: config.IPv4, Mode: lab.PASV, Security: lab.Explicit},
			{Client: lab.LFTP, Family: config.IPv4, Mode: lab.PORT, Security: lab.Plain},
		}, lab.VIP)
	})
}
