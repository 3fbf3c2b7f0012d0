package integration_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/lab"
)

// TestSourceNATSession turns source-nat on during an FTP session. The plan says that this
// cuts the session: its next data connection comes from another address than the control
// connection, and the FTP server refuses it.
func TestSourceNATSession(t *testing.T) {
	c := newCluster(t, lab.Options{RealServers: 1, Families: []config.Family{config.IPv4}, Rate: lab.PieceSize})
	c.start(t)
	running, err := c.lab.Start([]lab.Session{{Client: lab.Own, Family: config.IPv4, Mode: lab.EPSV, Security: lab.Plain, Pieces: 60}})
	require.NoError(t, err)
	_, err = running.AwaitData()
	require.NoError(t, err)
	require.NoError(t, c.lab.WriteSpec(edit(t, c.spec(), "forwarding: nat", "forwarding: nat\n    source-nat: masquerade")))
	output, err := c.lab.Lvsmark("apply")
	require.NoError(t, err)
	require.Zero(t, output.Status, output.Text)
	assert.Regexp(t, `# cuts \d+ connections? of ftp: the next data connection of an FTP session comes from another address, which FTP servers refuse`, output.Text)
	results, err := running.Wait()
	require.NoError(t, err)
	require.ErrorContains(t, results[0].Err, "425", fmt.Sprint(results[0].Log))
}
