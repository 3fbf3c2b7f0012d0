package nftname

import "fmt"

// Numbers of NFTA_EXTHDR_OP of linux/netfilter/nf_tables.h.
const (
	extensionHeader = iota
	tcpOption
	ipOption
	sctpChunk
)

// optionNames are the names in nft(8), "EXTENSION HEADER EXPRESSIONS", by NFTA_EXTHDR_OP and
// the number of the header, option or chunk.
var optionNames = map[uint32]map[uint8]string{
	extensionHeader: {0: "hbh", 43: "rt", 44: "frag", 60: "dst", 135: "mh"},
	tcpOption: {
		0: "eol", 1: "nop", 2: "maxseg", 3: "window", 4: "sack-perm", 5: "sack", 8: "timestamp", 19: "md5sig", 30: "mptcp", 34: "fastopen",
	},
	ipOption: {7: "rr", 131: "lsrr", 137: "ssrr", 148: "ra"},
	sctpChunk: {
		0: "data", 1: "init", 2: "init-ack", 3: "sack", 4: "heartbeat", 5: "heartbeat-ack", 6: "abort", 7: "shutdown", 8: "shutdown-ack",
		9: "error", 10: "cookie-echo", 11: "cookie-ack", 12: "ecne", 13: "cwr", 14: "shutdown-complete", 128: "asconf-ack",
		192: "forward-tsn", 193: "asconf",
	},
}

// optionPrefixes are the words before the name of an option.
var optionPrefixes = map[uint32]string{extensionHeader: "", tcpOption: "tcp option ", ipOption: "ip option ", sctpChunk: "sctp chunk "}

// Option returns nft's name of an extension header, an option or a chunk: "tcp option
// maxseg". op is NFTA_EXTHDR_OP. nft writes a number for a TCP option without a name.
func Option(op uint32, number uint8) (name string, ok bool) {
	name, ok = optionNames[op][number]
	if !ok && op == tcpOption {
		return fmt.Sprintf("tcp option %d", number), true
	}
	return optionPrefixes[op] + name, ok
}

// options are the fields of extension headers, options and chunks.
var options = map[string][]Field{
	"hbh": {{"nexthdr", 0, 8, Protocol, nil}, {"hdrlength", 8, 8, Number, nil}},
	"dst": {{"nexthdr", 0, 8, Protocol, nil}, {"hdrlength", 8, 8, Number, nil}},
	"rt": {
		{"nexthdr", 0, 8, Protocol, nil}, {"hdrlength", 8, 8, Number, nil}, {"type", 16, 8, Number, nil}, {"seg-left", 24, 8, Number, nil},
	},
	"srh": {
		{"last-entry", 32, 8, Number, nil}, {"flags", 40, 8, Number, nil}, {"tag", 48, 16, Number, nil}, {"sid[1]", 64, 128, Address, nil},
	},
	"frag": {
		{"nexthdr", 0, 8, Protocol, nil},
		{"reserved", 8, 8, Number, nil},
		{"frag-off", 16, 13, Number, nil},
		{"reserved2", 29, 2, Number, nil},
		{"more-fragments", 31, 1, Number, nil},
		{"id", 32, 32, Number, nil},
	},
	"mh": {
		{"nexthdr", 0, 8, Protocol, nil},
		{"hdrlength", 8, 8, Number, nil},
		{"type", 16, 8, MHType, nil},
		{"reserved", 24, 8, Number, nil},
		{"checksum", 32, 16, Number, nil},
	},
	"tcp option eol":       {{"kind", 0, 8, Number, nil}},
	"tcp option nop":       {{"kind", 0, 8, Number, nil}},
	"tcp option maxseg":    {{"length", 8, 8, Number, nil}, {"size", 16, 16, Number, nil}},
	"tcp option window":    {{"length", 8, 8, Number, nil}, {"count", 16, 8, Number, nil}},
	"tcp option sack-perm": {{"length", 8, 8, Number, nil}},
	"tcp option sack":      {{"length", 8, 8, Number, nil}, {"left", 16, 32, Number, nil}, {"right", 48, 32, Number, nil}},
	"tcp option sack1":     {{"left", 80, 32, Number, nil}, {"right", 112, 32, Number, nil}},
	"tcp option sack2":     {{"left", 144, 32, Number, nil}, {"right", 176, 32, Number, nil}},
	"tcp option sack3":     {{"left", 208, 32, Number, nil}, {"right", 240, 32, Number, nil}},
	"tcp option timestamp": {{"length", 8, 8, Number, nil}, {"tsval", 16, 32, Number, nil}, {"tsecr", 48, 32, Number, nil}},
	"tcp option md5sig":    {{"length", 8, 8, Number, nil}},
	"tcp option mptcp":     {{"length", 8, 8, Number, nil}, {"subtype", 16, 4, Number, nil}},
	"tcp option fastopen":  {{"length", 8, 8, Number, nil}},
	"ip option rr":         sourceRoute,
	"ip option lsrr":       sourceRoute,
	"ip option ssrr":       sourceRoute,
	"ip option ra":         {{"type", 0, 8, Number, nil}, {"length", 8, 8, Number, nil}, {"value", 16, 16, Number, nil}},
	"sctp chunk data": {
		{"type", 0, 8, Number, nil},
		{"flags", 8, 8, Number, nil},
		{"length", 16, 16, Number, nil},
		{"tsn", 32, 32, Number, nil},
		{"stream", 64, 16, Number, nil},
		{"ssn", 80, 16, Number, nil},
		{"ppid", 96, 32, Number, nil},
	},
	"sctp chunk init":     initChunk,
	"sctp chunk init-ack": initChunk,
	"sctp chunk sack": {
		{"cum-tsn-ack", 32, 32, Number, nil},
		{"a-rwnd", 64, 32, Number, nil},
		{"num-gap-ack-blocks", 96, 16, Number, nil},
		{"num-dup-tsns", 112, 16, Number, nil},
	},
	"sctp chunk shutdown":    {{"cum-tsn-ack", 32, 32, Number, nil}},
	"sctp chunk ecne":        {{"lowest-tsn", 32, 32, Number, nil}},
	"sctp chunk cwr":         {{"lowest-tsn", 32, 32, Number, nil}},
	"sctp chunk asconf":      {{"seqno", 32, 32, Number, nil}},
	"sctp chunk asconf-ack":  {{"seqno", 32, 32, Number, nil}},
	"sctp chunk forward-tsn": {{"new-cum-tsn", 32, 32, Number, nil}},
}

var sourceRoute = []Field{{"type", 0, 8, Number, nil}, {"length", 8, 8, Number, nil}, {"ptr", 16, 8, Number, nil}, {"addr", 24, 32, Number, nil}}

var initChunk = []Field{
	{"init-tag", 32, 32, Number, nil},
	{"a-rwnd", 64, 32, Number, nil},
	{"num-outbound-streams", 96, 16, Number, nil},
	{"num-inbound-streams", 112, 16, Number, nil},
	{"initial-tsn", 128, 32, Number, nil},
}

// OptionHeaders returns the headers whose fields a part of an option may have, by its name
// from Option: a routing header may be a segment routing header, and SACK has four blocks.
func OptionHeaders(name string) []string {
	switch name {
	case "rt":
		return []string{"rt", "srh"}
	case "tcp option sack":
		return []string{name, name + "1", name + "2", name + "3"}
	}
	return []string{name}
}
