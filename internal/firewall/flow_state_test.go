package firewall

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
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

// TestState: while IPVS ends the tracking of its packets, each is the first one to connection
// tracking, which an answer cannot be.
func TestState(t *testing.T) {
	for _, c := range []struct {
		flow     flow
		protocol config.Protocol
		later    bool
		want     uint32
	}{
		{reply, config.TCP, false, stateInvalid}, // SYN+ACK
		{reply, config.TCP, true, stateNew},
		{reply, config.SCTP, false, stateInvalid},
		{reply, config.SCTP, true, stateInvalid},
		{reply, config.UDP, false, stateNew},
		{toVIP, config.SCTP, false, stateNew},
		{toServer, config.SCTP, false, stateUntracked},
		{replyFromVIP, config.TCP, false, stateUntracked},
	} {
		assert.Equal(t, c.want, c.flow.state(Tracking{}, c.protocol, c.later), "flow %d, %s, later %t", c.flow, c.protocol, c.later)
	}
}

// TestNATStage: the kernel runs nat chains at the priority of its own hook: dstnat in
// prerouting and output, srcnat in input and postrouting.
func TestNATStage(t *testing.T) {
	for hook, want := range map[uint32]stage{
		nft.HookPrerouting:  {prerouting, nft.PriorityNATDest},
		nft.HookOutput:      {output, nft.PriorityNATDest},
		nft.HookInput:       {inputOrForward, nft.PriorityNATSource},
		nft.HookPostrouting: {postrouting, nft.PriorityNATSource},
	} {
		c := &chain{Chain: &nft.Chain{Type: "nat", Hook: hook, Priority: 7}, table: newTable(&nft.Table{Family: nft.IPv4})}
		at, ok := stageOf(c)
		assert.True(t, ok)
		assert.Equal(t, want, at)
		c.Type = "filter"
		at, _ = stageOf(c)
		assert.EqualValues(t, 7, at.priority)
	}
}

// TestActiveChain: only a nat chain of postrouting with the priority of lvsmark's translates
// active data at the same time.
func TestActiveChain(t *testing.T) {
	at := func(typ string, hook, priority int32) hookPoint {
		return hookPoint{chain: &chain{Chain: &nft.Chain{Type: typ, Priority: priority}}, stage: stage{hook, nft.PriorityNATSource}}
	}
	assert.True(t, at("nat", postrouting, nft.ActivePriority).isActive())
	assert.False(t, at("filter", postrouting, nft.ActivePriority).isActive())
	assert.False(t, at("nat", inputOrForward, nft.ActivePriority).isActive())
	assert.False(t, at("nat", postrouting, nft.PriorityNATSource).isActive())
}

func TestNATConditions(t *testing.T) {
	s := &space{family: nft.IPv6}
	w := newWalk(newReader(inMemory{}, s), 0, 1)
	w.reader.tracking[nft.IPv6] = true
	assert.Equal(t, []string{"a"}, w.natConditions([]string{"a"}))
	w.changed.tracking = true
	assert.Equal(t, []string{"a", afterNotrack}, w.natConditions([]string{"a"}))
}
