package lab_test

import (
	"fmt"
	"testing"

	"github.com/lvsmark/lvsmark/integration/lab"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinksPass(t *testing.T) {
	const device = `2: eth0@if3: <BROADCAST,MULTICAST,%s> mtu 1500 qdisc noqueue state %s mode DEFAULT group default qlen 1000\    link/ether a6:44:83:82:c8:74 brd ff:ff:ff:ff:ff:ff promiscuity 0 \    veth %saddrgenmode eui64` + "\n"
	const other = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\    link/loopback 00:00:00:00:00:00` + "\n"
	for _, test := range []struct {
		flags, state, port string
		passes             bool
	}{
		{"UP,LOWER_UP", "UP", "", true},
		{"UP,LOWER_UP", "DOWN", "", false}, // the kernel's worker has not run yet
		{"NO-CARRIER,UP", "DOWN", "", false},
		{"NO-CARRIER,UP", "LOWERLAYERDOWN", "", false},
		{"LOWER_UP", "DOWN", "", true}, // nobody has set it up
		{"UP,LOWER_UP", "UP", "bridge_slave state forwarding priority 32 ", true},
		{"UP,LOWER_UP", "UP", "bridge_slave state disabled priority 32 ", false},
	} {
		line := fmt.Sprintf(device, test.flags, test.state, test.port)
		assert.Equal(t, test.passes, lab.LinksPass(other+line), line)
	}
}

// The devices of a new lab pass packets at once, also those of a second director.
func TestLinksOfNewLab(t *testing.T) {
	needs(t)
	l := lab.New(t, lab.Options{RealServers: 1})
	second, err := l.AddDirector(2)
	require.NoError(t, err)
	for _, h := range []*lab.Host{l.Client, l.Director, l.Servers[0].Host, second} {
		out, err := h.Run("ip", "-details", "-oneline", "link")
		require.NoError(t, err)
		assert.True(t, lab.LinksPass(out), "%s: %s", h.Name, out)
	}
}
