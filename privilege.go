package lvsmark

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrPrivilege means that the process lacks a capability; see capabilities(7).
var ErrPrivilege = errors.New("missing privilege")

// A capability of capabilities(7) and what lvsmark needs it for.
type capability struct {
	bit           uint
	name, purpose string
}

// netAdmin is needed for every access to the kernel, sysAdmin for the plan of a spec.
func netAdmin() capability {
	return capability{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN", "to read and change nftables, IPVS and addresses"}
}

func sysAdmin() capability {
	return capability{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to rehearse in a network namespace; --no-rehearsal validates without it"}
}

// checkPrivileges returns an error if the process lacks a capability for the plan of a spec.
func (o Options) checkPrivileges() error {
	if o.Unrehearsed {
		return checkPrivileges(netAdmin())
	}
	return checkPrivileges(netAdmin(), sysAdmin())
}

// checkPrivileges returns an error that names the capabilities that the process lacks.
func checkPrivileges(needs ...capability) error {
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
		return fmt.Errorf("%w: this process lacks %s; run it as root", ErrPrivilege, strings.Join(missing, " and "))
	}
	return nil
}
