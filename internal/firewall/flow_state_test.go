package firewall

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestTrackedState: with net.ipv4.vs.conntrack, replies have state established. Later packets
// to a VIP may have any state: without nat, connection tracking sees one direction only.
func TestTrackedState(t *testing.T) {
	for _, c := range []struct {
		flow  flow
		later bool
		want  uint32
	}{
		{toVIP, false, stateNew},
		{toVIP, true, 0},
		{toServer, false, stateNew},
		{toServer, true, 0},
		{reply, false, stateEstablished},
		{reply, true, stateEstablished},
		{replyFromVIP, true, stateEstablished},
	} {
		assert.Equal(t, c.want, c.flow.trackedState(c.later), "flow %d, later %t", c.flow, c.later)
	}
}
