package firewall

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// dropFinding returns the finding of a prerouting chain with policy drop.
func dropFinding(t *testing.T, priority int32) *Finding {
	t.Helper()
	chain := &nft.Chain{Name: "c", Type: "filter", Hook: nft.HookPrerouting, Priority: priority, Policy: 0}
	table := &nft.Table{Family: nft.IPv4, Name: "t", Chains: []*nft.Chain{chain}}
	spec, _, err := config.Parse("spec.yaml", strings.NewReader("{clusters: [{name: a, mark: 5, vips: [192.0.2.1], forwarding: direct, ftp: , real-servers: [{address: 10.0.0.1}]}]}"))
	require.NoError(t, err)
	found, err := Findings(spec, []*nft.Table{table}, inMemory{}, Tracking{})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found[0]
}

// TestWarningsPerTable: of each table there are at most maxPerTable warnings and the number
// of the others.
func TestWarningsPerTable(t *testing.T) {
	in := func(table string) *Finding {
		f := *dropFinding(t, 0)
		f.Table = table
		return &f
	}
	list := []*Finding{in("u")}
	for range maxPerTable {
		list = append(list, in("t"))
	}
	all := Warnings(list)
	require.Len(t, all, 1+maxPerTable)
	assert.True(t, strings.HasPrefix(all[0], "table ip u, chain c, policy drop: will drop packets to "), all[0])
	all = Warnings(append(list, in("t"), in("t")))
	require.Len(t, all, 2+maxPerTable)
	assert.Equal(t, "table ip t: 2 more rules like these", all[1+maxPerTable])
}

func TestAdvice(t *testing.T) {
	f := dropFinding(t, 0)
	assert.Contains(t, f.String(), "; accept marked packets before it, for example with `meta mark 0x00000005 accept`")
	before := dropFinding(t, -200)
	assert.Contains(t, before.String(), "; accept packets to the VIPs before it")
	for effect, want := range map[Effect]string{
		SetsMark:  "; IPVS compares all 32 bits of the mark: exclude packets to the VIPs from that rule",
		Untracks:  "; exclude active data from that rule: the kernel does not translate packets without connection tracking",
		MovesZone: "; give packets from clients and from real servers the same zone: the kernel translates answers only in the zone of the connection",
		Offloads:  "; exclude the real servers from that rule, or set net.ipv4.vs.conntrack to 0: IPVS cannot translate packets that a flowtable forwards",
	} {
		f.Effect = effect
		assert.True(t, strings.HasSuffix(f.String(), want), f.String())
	}
}

func TestMarkList(t *testing.T) {
	assert.Equal(t, "0x00000015", markList([]uint32{21}))
	assert.Equal(t, "{ 0x00000001, 0x00000002 }", markList([]uint32{1, 2}))
	assert.True(t, strings.HasSuffix(markList([]uint32{1, 2, 3, 4, 5, 6, 7, 8}), "0x00000008 }"))
	assert.True(t, strings.HasSuffix(markList([]uint32{1, 2, 3, 4, 5, 6, 7, 8, 9}), "0x00000008, … }"))
}

// TestUnknownMarks: a part with an unknown mark yields no marks.
func TestUnknownMarks(t *testing.T) {
	for _, m := range []marking{{unknown: true, all: 3}, {unknown: true, byClass: []uint32{1, 2}}, {}} {
		for range (part{classes: fullBitset(2), mark: &m}).marked {
			t.Errorf("%+v", m)
		}
	}
}
