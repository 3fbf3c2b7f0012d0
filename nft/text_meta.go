package nft

import (
	"fmt"

	"github.com/google/nftables/expr"
)

// metaNames are the names of nft(8), "META EXPRESSIONS", by key.
var metaNames = map[expr.MetaKey]string{
	expr.MetaKeyPROTOCOL: "meta protocol", expr.MetaKeyMARK: "meta mark",
	expr.MetaKeyIIF: "iif", expr.MetaKeyOIF: "oif", expr.MetaKeyIIFNAME: "iifname", expr.MetaKeyOIFNAME: "oifname",
	expr.MetaKeyNFPROTO: "meta nfproto", expr.MetaKeyL4PROTO: "meta l4proto",
}

// MetaName is the name of nft(8) for a key, "[meta 7]" where the package knows none.
func MetaName(key expr.MetaKey) string {
	if name, ok := metaNames[key]; ok {
		return name
	}
	return fmt.Sprintf("[meta %d]", key)
}
