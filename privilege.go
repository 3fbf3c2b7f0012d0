package lvsmark

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrPrivilege says that the process lacks a capability; see capabilities(7).
var ErrPrivilege = errors.New("missing privilege")

// checkPrivileges asks for what every verb that meets the kernel needs.
func checkPrivileges() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("reading the capabilities of this process: %w", err)
	}
	needs := []struct {
		bit      uint
		name     string
		whatItIs string
	}{
		{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN", "to read and change nftables, IPVS and addresses"},
		{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to rehearse in a network namespace"},
	}
	var missing []string
	for _, need := range needs {
		if data[need.bit/32].Effective&(1<<(need.bit%32)) == 0 {
			missing = append(missing, need.name+" ("+need.whatItIs+")")
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: this process lacks %s; run it as root", ErrPrivilege, strings.Join(missing, " and "))
	}
	return nil
}
