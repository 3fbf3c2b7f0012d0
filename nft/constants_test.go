package nft

import (
	"testing"

	"github.com/google/nftables"
	"github.com/stretchr/testify/assert"
)

// TestConstants compares the constants of the package with the variables of
// google/nftables.
func TestConstants(t *testing.T) {
	for number, typ := range map[uint32]nftables.SetDatatype{
		typeIPv4: nftables.TypeIPAddr, typeIPv6: nftables.TypeIP6Addr, typeService: nftables.TypeInetService, typeMark: nftables.TypeMark,
		1: nftables.TypeVerdict, 2: nftables.TypeNFProto, 4: nftables.TypeInteger, 5: nftables.TypeString, typeEther: nftables.TypeEtherAddr,
		10: nftables.TypeEtherType, 12: nftables.TypeInetProto, 14: nftables.TypeICMPType, 18: nftables.TypeTime, 20: nftables.TypeIFIndex, typeIfname: nftables.TypeIFName,
	} {
		assert.Equal(t, typ.GetNFTMagic(), number)
		assert.Equal(t, typ.Name, typeName(number))
	}
	for hook, want := range map[uint32]*nftables.ChainHook{
		HookPrerouting: nftables.ChainHookPrerouting, HookInput: nftables.ChainHookInput, HookForward: nftables.ChainHookForward,
		HookOutput: nftables.ChainHookOutput, HookPostrouting: nftables.ChainHookPostrouting,
	} {
		assert.EqualValues(t, *want, hook)
	}
	assert.EqualValues(t, *nftables.ChainHookIngress, NetdevIngress)
	for priority, want := range map[int32]*nftables.ChainPriority{
		PriorityRaw: nftables.ChainPriorityRaw, PriorityMangle: nftables.ChainPriorityMangle, PriorityNATDest: nftables.ChainPriorityNATDest,
		PriorityFilter: nftables.ChainPriorityFilter, PrioritySecurity: nftables.ChainPrioritySecurity, PriorityNATSource: nftables.ChainPriorityNATSource,
	} {
		assert.EqualValues(t, *want, priority)
	}
	for family, want := range map[Family]nftables.TableFamily{
		IPv4: nftables.TableFamilyIPv4, IPv6: nftables.TableFamilyIPv6, Inet: nftables.TableFamilyINet,
		ARP: nftables.TableFamilyARP, Bridge: nftables.TableFamilyBridge, Netdev: nftables.TableFamilyNetdev,
	} {
		assert.EqualValues(t, want, family)
	}
}
