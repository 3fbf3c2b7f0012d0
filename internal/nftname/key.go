package nftname

// A Key is a value of a packet that is not in a header.
type Key struct {
	Name string
	Kind Kind
}

// metaKeys are the keys in nft(8), "META EXPRESSIONS", by enum nft_meta_keys of
// linux/netfilter/nf_tables.h.
var metaKeys = map[uint32]Key{
	0: {"meta length", HostNumber}, 1: {"meta protocol", EtherType}, 2: {"meta priority", ClassID}, 3: {"meta mark", Mark},
	4: {"iif", InterfaceIndex}, 5: {"oif", InterfaceIndex}, 6: {"iifname", InterfaceName}, 7: {"oifname", InterfaceName},
	8: {"meta iiftype", DeviceType}, 9: {"meta oiftype", DeviceType}, 10: {"meta skuid", HostNumber}, 11: {"meta skgid", HostNumber},
	12: {"meta nftrace", Number}, 13: {"meta rtclassid", HostNumber}, 14: {"meta secmark", HostNumber}, 15: {"meta nfproto", NFProto},
	16: {"meta l4proto", Protocol}, 17: {"meta ibrname", InterfaceName}, 18: {"meta obrname", InterfaceName}, 19: {"meta pkttype", PacketType},
	20: {"meta cpu", HostNumber}, 21: {"iifgroup", DeviceGroup}, 22: {"oifgroup", DeviceGroup}, 23: {"meta cgroup", HostNumber},
	24: {"meta random", Number}, 25: {"meta ipsec", Boolean}, 26: {"meta iifkind", InterfaceName}, 27: {"meta oifkind", InterfaceName},
	28: {"meta ibrpvid", HostNumber}, 29: {"meta ibrvproto", EtherType}, 30: {"meta time", Date}, 31: {"meta day", Day}, 32: {"meta hour", Hour},
	33: {"meta sdif", InterfaceIndex}, 34: {"meta sdifname", InterfaceName}, 35: {"meta broute", Number},
}

// Meta returns the name and the type of a key of NFTA_META_KEY; false if it is unknown.
func Meta(key uint32) (Key, bool) {
	k, ok := metaKeys[key]
	return k, ok
}

// ctKeys are the keys in nft(8), "CONNTRACK EXPRESSIONS", by enum nft_ct_keys of
// linux/netfilter/nf_tables.h.
var ctKeys = map[uint32]Key{
	0: {"state", CTState}, 1: {"direction", Direction}, 2: {"status", CTStatus}, 3: {"mark", Mark}, 4: {"secmark", HostNumber},
	5: {"expiration", Duration}, 6: {"helper", String}, 7: {"l3proto", NFProto}, 8: {"saddr", Address}, 9: {"daddr", Address},
	10: {"protocol", Protocol}, 11: {"proto-src", Service}, 12: {"proto-dst", Service}, 13: {"label", Label}, 14: {"packets", HostNumber},
	15: {"bytes", HostNumber}, 16: {"avgpkt", HostNumber}, 17: {"zone", HostNumber}, 18: {"event", CTEvent}, 19: {"ip saddr", Address},
	20: {"ip daddr", Address}, 21: {"ip6 saddr", Address}, 22: {"ip6 daddr", Address}, 23: {"id", Number},
}

// CT returns the name without the direction and the type of a key of NFTA_CT_KEY; false if
// it is unknown.
func CT(key uint32) (Key, bool) {
	k, ok := ctKeys[key]
	return k, ok
}

// OfType returns the type of the values of a set by nft's number for it, and false if it is
// unknown. The numbers are those of enum datatypes in include/datatype.h of nft.
func OfType(number uint32) (Kind, bool) {
	k, ok := map[uint32]Kind{
		2: NFProto, 4: Number, 5: String, 7: Address, 8: Address, 9: Hardware, 10: EtherType, 11: ARPOperation, 12: Protocol, 13: Service,
		14: ICMPType, 15: TCPFlags, 16: DCCPType, 17: MHType, 18: Duration, 19: Mark, 20: InterfaceIndex, 21: DeviceType, 22: HostNumber,
		26: CTState, 27: Direction, 28: CTStatus, 29: ICMPv6Type, 31: PacketType, 32: ICMPCode, 33: ICMPv6Code, 35: DeviceGroup, 36: DSCP,
		37: ECN, 38: FIBType, 39: Boolean, 41: InterfaceName, 42: IGMPType,
	}[number]
	return k, ok
}
