// Package privilege checks the capabilities of the process.
package privilege

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrMissing means that the process lacks a capability; see capabilities(7).
var ErrMissing = errors.New("missing privilege")

// A Capability is one of capabilities(7), and what lvsmark needs it for.
type Capability struct {
	bit           uint
	name, purpose string
}

// NetAdmin is needed for every access to the kernel.
func NetAdmin() Capability {
	return Capability{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN", "to read and change nftables, IPVS and addresses"}
}

// SysAdmin is needed for the rehearsal of a ruleset.
func SysAdmin() Capability {
	return Capability{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to rehearse in a network namespace; --no-rehearsal validates without it"}
}

// Check returns an error that names the capabilities that the process lacks.
func Check(needs ...Capability) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("reading the capabilities of this process: %w", err)
	}
	var missing []string
	for _, need := range needs {
		if data[need.bit/32].Effective&(1<<(need.bit%32)) == 0 {
			missing = append(missing, need.name+" ("+need.purpose+")")
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: this process lacks %s; run it as root", ErrMissing, strings.Join(missing, " and "))
	}
	return nil
}
