package oldconfig

// Reads are properties of a packet that rules change, and on which a match that is not understood
// may depend.
type Reads uint8

const (
	ReadsMark       Reads = 1 << iota // of the packet, or of its connection
	ReadsConnection                   // whether the packet has one, and its state
	ReadsOthers                       // that are not in the model, such as DSCP; see Action.ChangesOthers
	ReadsAll        = ReadsMark | ReadsConnection | ReadsOthers
)

// ReadsOf returns what a match of iptables may depend on, by its name; see iptables-extensions(8).
func ReadsOf(match string) Reads {
	switch match {
	case "mark", "rpfilter": // rpfilter with --validmark
		return ReadsMark
	case "connmark":
		return ReadsMark | ReadsConnection
	case "state", "conntrack", "helper", "connbytes", "connlabel", "connlimit", "ipvs", "cluster":
		return ReadsConnection
	case "dscp", "tos", "ttl", "hl", "ecn", "u32", "string", "tcpmss", "tcp", "osf", "tcp option":
		return ReadsOthers
	case "limit", "hashlimit", "recent", "statistic", "quota", "quota2", "time", "condition", "set", "rateest", "nfacct", "length",
		"length2", "addrtype", "iprange", "multiport", "mac", "pkttype", "physdev", "devgroup", "geoip", "policy", "owner", "cgroup",
		"cpu", "socket", "comment", "icmp", "icmp6", "icmpv6", "ipv6-icmp", "udp", "sctp", "dccp", "ah", "esp", "frag", "rt", "hbh",
		"dst", "mh", "ipv6header", "realm", "eui64", "psd", "lscan", "ipp2p", "ipv4options", "iface", "account", "fuzzy":
		return 0
	}
	return ReadsAll
}
