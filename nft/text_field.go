package nft

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/google/nftables/expr"

	"github.com/lvsmark/lvsmark/internal/netlink"
)

// A headerField is a field of whole bytes in a header.
type headerField struct {
	header        string // nft's name
	offset, width uint32 // bytes
}

// fieldNames are names in nft(8), "PAYLOAD EXPRESSIONS", of fields with numbers.
var fieldNames = map[headerField]string{
	{"ip", 2, 2}: "length", {"ip", 4, 2}: "id", {"ip", 6, 2}: "frag-off", {"ip", 8, 1}: "ttl", {"ip", 10, 2}: "checksum",
	{"ip6", 4, 2}: "length", {"ip6", 7, 1}: "hoplimit",
	{"tcp", 4, 4}: "sequence", {"tcp", 8, 4}: "ackseq", {"tcp", 14, 2}: "window", {"tcp", 16, 2}: "checksum", {"tcp", 18, 2}: "urgptr",
	{"udp", 4, 2}: "length", {"udp", 6, 2}: "checksum",
}

// fieldName returns nft's name of a field; false if it has none here. For fields above the
// network layer, protocol is what the rule has matched.
func fieldName(f Family, protocol string, payload *expr.Payload) (string, bool) {
	header := protocol
	if payload.Base == expr.PayloadBaseNetworkHeader {
		header = f.String()
	} else if payload.Base != expr.PayloadBaseTransportHeader {
		return "", false
	}
	name, ok := fieldNames[headerField{header, payload.Offset, payload.Len}]
	return header + " " + name, ok
}

// isNumberField reports whether the contents of the register are a field of fieldNames, or
// bits of it.
func isNumberField(register string) bool {
	words := strings.Fields(register)
	if len(words) < 2 {
		return false
	}
	for field, name := range fieldNames {
		if field.header == words[0] && name == words[1] {
			return true
		}
	}
	return false
}

// numberText formats a number in network byte order.
func numberText[T netlink.Content](b T) string { return fmt.Sprint(new(big.Int).SetBytes([]byte(b))) }

// metaNumbers are the keys of metaNames with a number of 4 bytes in host byte order.
var metaNumbers = map[string]bool{
	"meta length": true, "meta cpu": true, "iifgroup": true, "oifgroup": true, "meta skuid": true, "meta skgid": true,
	"meta cgroup": true, "meta rtclassid": true,
}
