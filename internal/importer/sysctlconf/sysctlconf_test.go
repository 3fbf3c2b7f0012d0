package sysctlconf

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

func TestRead(t *testing.T) {
	const text = "# director\nnet.ipv4.ip_forward = 1\n-net/ipv4/vs/conntrack=1\n; x\nnet.ipv4.vs.expire_nodest_conn = 1\nnet.netfilter.nf_conntrack_helper = 1\n"
	require.True(t, Recognises(text))
	c, err := Read("sysctl.conf", text)
	require.NoError(t, err)
	assert.Equal(t, &oldconfig.Tracking{On: true, Line: oldconfig.Line{File: "sysctl.conf", Number: 3, Text: "-net/ipv4/vs/conntrack=1"}}, c.Tracking)
	require.Len(t, c.Findings, 1)
	assert.Equal(t, []oldconfig.Sysctl{{
		Setting: config.Setting{Name: "net.ipv4.vs.expire_nodest_conn", Value: "1"},
		Line:    oldconfig.Line{File: "sysctl.conf", Number: 5, Text: "net.ipv4.vs.expire_nodest_conn = 1"},
	}}, c.Sysctls)
	require.Len(t, c.NotUnderstood, 1)

	c, err = Read("sysctl.conf", "net.ipv4.vs.conntrack = 0\n")
	require.NoError(t, err)
	assert.False(t, c.Tracking.On)

	c, err = Read("sysctl.conf", "net.ipv4.vs.sync_threshold = 3 50\nnet.ipv4.vs.am_droprate = $RATE\nnet.ipv4.vs.sloppy_tcp =\n")
	require.NoError(t, err)
	require.Len(t, c.Sysctls, 1)
	assert.Equal(t, "3 50", c.Sysctls[0].Value)
	require.Len(t, c.Findings, 2)
}

func TestRecognises(t *testing.T) {
	for _, text := range []string{"", "# x\n", "pasv_min_port=10000\n", "net = 1\n", "networks = {}\n", "iptables -A x=y\n", "net.ipv4.ip_forward = 1\nvirtual = 1\n"} {
		assert.False(t, Recognises(text), text)
	}
}
