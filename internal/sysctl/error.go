package sysctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrPrivilege says that the caller may not read or set the sysctl.
var ErrPrivilege = errors.New("this needs CAP_NET_ADMIN: run it as root")

// explain keeps the errno, and says what would help.
func explain(verb, name, path string, err error) error {
	cause := err
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		cause = pathErr.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && exists(path):
		// It does not wrap fs.ErrNotExist: the caller would take the sysctl for absent.
		return fmt.Errorf("%s sysctl %s: %v, although it is there", verb, name, cause)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s sysctl %s: %w: %s", verb, name, cause, missing(path))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s sysctl %s: %w: %w", verb, name, cause, ErrPrivilege)
	default:
		return fmt.Errorf("%s sysctl %s: %w", verb, name, cause)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// missing says why a sysctl does not exist, as far as its directory tells.
func missing(path string) string {
	name := strings.TrimPrefix(path, root+"/")
	for _, owner := range []struct{ prefix, module string }{
		{"net/ipv4/vs/", "ip_vs"},
		{"net/netfilter/nf_conntrack", "nf_conntrack"},
		{"net/nf_conntrack", "nf_conntrack"},
		{"net/bridge/", "br_netfilter"},
	} {
		if strings.HasPrefix(name, owner.prefix) {
			return fmt.Sprintf("it comes with the module %s: try \"modprobe %[1]s\", and see whether this kernel's version has it", owner.module)
		}
	}
	parts := strings.Split(name, "/")
	if len(parts) == 5 && (parts[2] == "conf" || parts[2] == "neigh") {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return fmt.Sprintf("there is no device %s in this network namespace", parts[3])
		}
	}
	return "this kernel has no such sysctl, or a module that brings it is not loaded"
}
