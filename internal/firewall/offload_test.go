package firewall

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/nft"
)

// TestOffload: a flowtable takes replies of IPVS only if connection tracking knows them. Not
// every kernel has flowtables, so the rule does not come from one.
func TestOffload(t *testing.T) {
	spec, _, err := config.Parse("spec.yaml", strings.NewReader("clusters: [{name: ftp, mark: 21, vips: [198.51.100.21], ftp: , real-servers: [{address: 10.0.0.11}]}]"))
	require.NoError(t, err)
	expression := netlink.AppendText(nil, unix.NFTA_EXPR_NAME, "flow_offload")
	expression = netlink.AppendAttribute(expression, unix.NFTA_EXPR_DATA, netlink.AppendText(nil, 1, "f"))
	rule := &nft.Rule{Handle: 4, Expressions: string(netlink.AppendAttribute(nil, unix.NFTA_LIST_ELEM, expression))}
	table := &nft.Table{Family: nft.Inet, Name: "t", Chains: []*nft.Chain{{Name: "c", Type: "filter", Hook: nft.HookForward, Policy: 1, Rules: []*nft.Rule{rule}}}}
	for _, tracked := range []bool{false, true} {
		found, err := Findings(spec, []*nft.Table{table}, inMemory{}, Tracking{IPVS: tracked})
		require.NoError(t, err)
		if !tracked {
			assert.Empty(t, found)
			continue
		}
		require.Len(t, found, 1)
		assert.Equal(t, "table inet t, chain c, rule handle 4 (flow add @f): may offload replies of 10.0.0.11 (ports 21, 10000-20000), depending on the devices of the flowtable;"+
			" exclude the real servers from that rule, or set net.ipv4.vs.conntrack to 0: IPVS cannot translate packets that a flowtable forwards", found[0].String())
		found[0].Tracking.Needed = true // source-nat
		assert.True(t, strings.HasSuffix(found[0].String(), "; exclude the real servers from that rule: IPVS cannot translate packets that a flowtable forwards"), found[0].String())
	}
}
