package oldconfig

import "github.com/lvsmark/lvsmark/config"

// A Sync is a sync daemon of IPVS, or both of them.
type Sync struct {
	config.Sync
	Line
}

// A VRRP is a group of directors of which one has the VIPs.
type VRRP struct {
	config.VRRP
	Line
}

// An Applied is what the records of lvsmark in the kernel say about the spec that was applied.
type Applied struct {
	Table    string           // name of its tables
	Settings []config.Setting // of the ledger, sorted by name
	Devices  []VIPsOnDevice
}

// VIPsOnDevice are addresses that lvsmark has added to a device: one, or a network.
type VIPsOnDevice struct {
	Device string
	VIPs   config.AddressRange
}
