package nft

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// metaNames are the names of nft(8), "META EXPRESSIONS", by NFT_META_*.
var metaNames = map[uint32]string{
	unix.NFT_META_PROTOCOL: "meta protocol", unix.NFT_META_MARK: "meta mark",
	unix.NFT_META_IIF: "iif", unix.NFT_META_OIF: "oif", unix.NFT_META_IIFNAME: "iifname", unix.NFT_META_OIFNAME: "oifname",
	unix.NFT_META_NFPROTO: "meta nfproto", unix.NFT_META_L4PROTO: "meta l4proto",
}

func metaName(key uint32) string {
	if name, ok := metaNames[key]; ok {
		return name
	}
	return fmt.Sprintf("[meta %d]", key)
}
