package firewall

import (
	"encoding/binary"
	"net"
	"slices"
	"testing"

	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/internal/netlink"
	"github.com/lvsmark/lvsmark/nft"
)

// rangeOfTarget returns what an xtables target translates to.
func rangeOfTarget(t *testing.T, s *space, e *expr.Target) *natRange {
	t.Helper()
	l := newLoader(s, map[nft.Expression]expr.Any{})
	l.family = s.family
	data, err := expr.Marshal(byte(s.family), e) // the content depends on the family
	require.NoError(t, err)
	r := nft.Rule{Expressions: string(netlink.AppendAttribute(nil, unix.NLA_F_NESTED|unix.NFTA_LIST_ELEM, data))}
	list := slices.Collect(r.All())
	require.Len(t, list, 1)
	return l.targetRange(list[0])
}

// TestTargetRangeIPv6: DNAT of ip6tables has struct nf_nat_range of linux/netfilter/nf_nat.h,
// of 40 bytes: flags, both addresses, both ports in network byte order.
func TestTargetRangeIPv6(t *testing.T) {
	low, high := net.ParseIP("fd00::1"), net.ParseIP("fd00::9")
	info := binary.NativeEndian.AppendUint32(nil, 3)
	info = append(append(info, low...), high...)
	info = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(info, 21), 990)
	target := func(info []byte) *expr.Target {
		raw := xt.Unknown(info)
		return &expr.Target{Name: "DNAT", Rev: 9, Info: &raw}
	}
	six, four := spaceOf(nft.IPv6, "fd00::"), spaceOf(nft.IPv4, "10.0.0.0")
	assert.Equal(t, &natRange{
		low: constantValue("", low), high: constantValue("", high),
		lowPort: constantValue("", []byte{0, 21}), highPort: constantValue("", []byte{3, 222}),
	}, rangeOfTarget(t, six, target(info)))
	assert.Nil(t, rangeOfTarget(t, six, target(info[:36])), "too short")
	assert.Nil(t, rangeOfTarget(t, four, target(info)), "of another family")
	binary.NativeEndian.PutUint32(info, 1)
	assert.Empty(t, rangeOfTarget(t, six, target(info)).lowPort)
	binary.NativeEndian.PutUint32(info, 2)
	assert.Empty(t, rangeOfTarget(t, six, target(info)).low)
	binary.NativeEndian.PutUint32(info, 1<<5|3)
	assert.Nil(t, rangeOfTarget(t, six, target(info)), "an offset of the ports")
}

// TestTargetRange: the types of the library.
func TestTargetRange(t *testing.T) {
	four, six := spaceOf(nft.IPv4, "10.0.0.0"), spaceOf(nft.IPv6, "fd00::")
	r := xt.NatRange{Flags: 3, MinIP: net.IPv4(10, 0, 0, 1).To4(), MaxIP: net.IPv4(10, 0, 0, 2).To4(), MinPort: 1, MaxPort: 2}
	want := &natRange{
		low: constantValue("", []byte{10, 0, 0, 1}), high: constantValue("", []byte{10, 0, 0, 2}),
		lowPort: constantValue("", []byte{0, 1}), highPort: constantValue("", []byte{0, 2}),
	}
	one := xt.NatIPv4MultiRangeCompat{xt.NatIPv4Range(r)}
	assert.Equal(t, want, rangeOfTarget(t, four, &expr.Target{Name: "SNAT", Info: &one}))
	r.MinIP, r.MaxIP = net.ParseIP("fd00::1"), net.ParseIP("fd00::2")
	want.low, want.high = constantValue("", r.MinIP), constantValue("", r.MaxIP)
	assert.Equal(t, want, rangeOfTarget(t, six, &expr.Target{Name: "SNAT", Rev: 1, Info: &r}))
	second := xt.NatRange2{NatRange: r}
	assert.Equal(t, want, rangeOfTarget(t, six, &expr.Target{Name: "DNAT", Rev: 2, Info: &second}))
	second.BasePort = 5
	assert.Nil(t, rangeOfTarget(t, six, &expr.Target{Name: "DNAT", Rev: 2, Info: &second}))
}

// TestTargetFlags: the flags of linux/netfilter/nf_nat.h, and what the name of a target says.
func TestTargetFlags(t *testing.T) {
	for name, c := range map[string]struct {
		flags uint
		want  natRange
	}{
		"SNAT": {4, natRange{random: true}}, "MASQUERADE": {16, natRange{random: true, toDevice: true}},
		"DNAT": {8, natRange{persistent: true}}, "REDIRECT": {0, natRange{toDevice: true}}, "NETMAP": {0, natRange{toNetwork: true}},
	} {
		r := xt.NatRange{Flags: c.flags}
		assert.Equal(t, &c.want, rangeOfTarget(t, spaceOf(nft.IPv6, "fd00::"), &expr.Target{Name: name, Rev: 1, Info: &r}), name)
	}
}

// TestUndecodedMatch: a match whose content the library cannot decode is a condition with its
// name; a comment is none.
func TestUndecodedMatch(t *testing.T) {
	for name, want := range map[string][]step{"recent": {condition{"recent"}}, "tcp": {condition{"tcp"}}, "comment": {}} {
		const unknown = 99 // an attribute
		data := netlink.AppendUint32(netlink.AppendText(nil, unix.NFTA_MATCH_NAME, name), unknown, 1)
		l := newLoader(spaceOf(nft.IPv4, "10.0.0.0"), map[nft.Expression]expr.Any{})
		l.extensionMatch(nft.Expression{Name: "match", Data: string(data)})
		assert.Equal(t, want, append([]step{}, l.steps...), name)
	}
}
