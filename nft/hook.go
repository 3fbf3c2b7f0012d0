package nft

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Hooks of chains. The family netdev has other hooks, for example NetdevIngress.
// google/nftables has hooks and priorities as pointer variables; a test compares them.
const (
	HookPrerouting  uint32 = unix.NF_INET_PRE_ROUTING
	HookInput       uint32 = unix.NF_INET_LOCAL_IN
	HookForward     uint32 = unix.NF_INET_FORWARD
	HookOutput      uint32 = unix.NF_INET_LOCAL_OUT
	HookPostrouting uint32 = unix.NF_INET_POST_ROUTING
	HookIngress     uint32 = unix.NF_INET_NUMHOOKS // NF_INET_INGRESS, of family inet
	NetdevIngress   uint32 = unix.NF_NETDEV_INGRESS
)

// Standard priorities of chains (nft(8), "CHAINS").
const (
	PriorityRaw       int32 = -300
	PriorityMangle    int32 = -150
	PriorityNATDest   int32 = -100
	PriorityFilter    int32 = 0
	PrioritySecurity  int32 = 50
	PriorityNATSource int32 = 100
)

func hookName(hook uint32) string {
	names := []string{"prerouting", "input", "forward", "output", "postrouting", "ingress"}
	if int(hook) < len(names) {
		return names[hook]
	}
	return fmt.Sprint(hook)
}

// priorityName returns nft's name of a standard priority.
func priorityName(p int32) string {
	names := map[int32]string{
		PriorityRaw: "raw", PriorityMangle: "mangle", PriorityNATDest: "dstnat",
		PriorityFilter: "filter", PrioritySecurity: "security", PriorityNATSource: "srcnat",
	}
	if name, ok := names[p]; ok {
		return name
	}
	return fmt.Sprint(p)
}
