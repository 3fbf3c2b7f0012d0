package ipvs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// sysctlRoot shows each thread the sysctls of its own network namespace:
// below net, the kernel looks at the thread that opens the file, not at who
// mounted proc or at the process's first thread.
const sysctlRoot = "/proc/sys"

// sysctlPath is the file of a sysctl. The dots of the name separate, and a
// slash stands for a dot within a part ("net.ipv4.conf.eth0/100.rp_filter"),
// or, if the first separator is a slash, the other way round: as sysctl(8) has
// it.
func sysctlPath(name string) (string, error) {
	path := name
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		path = strings.Map(swapSeparator, name)
	}
	if !filepath.IsLocal(path) || filepath.Clean(path) != path || !strings.HasPrefix(path, "net/") {
		return "", fmt.Errorf("%q is no name of a sysctl below net", name)
	}
	return filepath.Join(sysctlRoot, path), nil
}

func swapSeparator(r rune) rune {
	switch r {
	case '.':
		return '/'
	case '/':
		return '.'
	}
	return r
}

func readSysctl(name string) (string, error) {
	path, err := sysctlPath(name)
	if err != nil {
		return "", err
	}
	value, err := readFile(path)
	// The kernel ends each value with a new line: without it there is more.
	if err == nil && !bytes.HasSuffix(value, []byte("\n")) {
		err = fmt.Errorf("%q is only the begin of a value: %w", value, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return "", sysctlError("read", name, path, err)
	}
	return normal(string(value)), nil
}

func writeSysctl(name, value string) error {
	path, err := sysctlPath(name)
	if err != nil {
		return err
	}
	// Neither created nor truncated: a sysctl that is missing has to fail.
	file, err := openFile(path, os.O_WRONLY)
	if err != nil {
		return sysctlError("set", name, path, err)
	}
	_, err = file.WriteString(value + "\n")
	if err := errors.Join(err, file.Close()); err != nil {
		return sysctlError(fmt.Sprintf("set to %q", value), name, path, err)
	}
	held, err := readSysctl(name)
	if err != nil {
		return err
	}
	if !EqualValues(held, value) {
		return fmt.Errorf("set sysctl %s: the kernel made %q of %q: write that in the spec", name, held, value)
	}
	return nil
}

// sysctlError keeps the kernel's words, and says what would help.
func sysctlError(verb, name, path string, err error) error {
	cause := err
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		cause = pathErr.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist) && exists(path):
		// Who asks must not take it for one that is gone for good.
		return fmt.Errorf("%s sysctl %s: %v, although it is there", verb, name, cause)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s sysctl %s: %w: %s", verb, name, cause, missing(path))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s sysctl %s: %w: %w", verb, name, cause, ErrPrivilege)
	default:
		return fmt.Errorf("%s sysctl %s: %w", verb, name, cause)
	}
}

func readFile(path string) ([]byte, error) {
	file, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// sysctlLimit is how long the kernel may take to read or set a sysctl.
const sysctlLimit = 30 * time.Second

// openFile opens one that may not wait: Go takes sysctls for files that become
// ready at some time.
func openFile(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	_ = file.SetDeadline(time.Now().Add(sysctlLimit)) // the error says that it never waits
	return file, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// missing says why a sysctl is not there, as far as its directory tells.
func missing(path string) string {
	name := strings.TrimPrefix(path, sysctlRoot+"/")
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
