package sysctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrPrivilege reports that the caller may not read or set the sysctl.
var ErrPrivilege = errors.New("this needs CAP_NET_ADMIN: run it as root")

// ErrNoDevice reports that the device of a sysctl does not exist. Such an error also wraps
// fs.ErrNotExist.
var ErrNoDevice = errors.New("there is no device")

// explain adds the failed action, the errno and a hint.
func explain(action, path string, err error) error {
	cause := err
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		cause = pathErr.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && exists(path):
		// This error does not wrap fs.ErrNotExist, which means to the caller that the sysctl
		// does not exist.
		return fmt.Errorf("%s: %v, although the sysctl exists", action, cause)
	case errors.Is(err, fs.ErrNotExist) && !exists(root+"/net"):
		return fmt.Errorf("%s: %v: %s/net does not exist: mount proc on /proc", action, cause, root) // likewise
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w: %w", action, cause, missing(path))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: %w: %w", action, cause, ErrPrivilege)
	default:
		return fmt.Errorf("%s: %w", action, cause)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// missing returns the probable reason why a sysctl does not exist.
func missing(path string) error {
	name := strings.TrimPrefix(path, root+"/")
	for _, owner := range []struct{ prefix, module string }{
		{"net/ipv4/vs/", "ip_vs"},
		{"net/netfilter/nf_conntrack", "nf_conntrack"},
		{"net/nf_conntrack", "nf_conntrack"},
		{"net/bridge/", "br_netfilter"},
	} {
		if strings.HasPrefix(name, owner.prefix) {
			return fmt.Errorf("the module %s provides it, but not in every kernel version: try \"modprobe %[1]s\"", owner.module)
		}
	}
	parts := strings.Split(name, "/")
	if len(parts) == 5 && (parts[2] == "conf" || parts[2] == "neigh") {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return fmt.Errorf("%w %s in this network namespace", ErrNoDevice, parts[3])
		}
	}
	return errors.New("this kernel has no such sysctl, or the module that provides it is not loaded")
}
