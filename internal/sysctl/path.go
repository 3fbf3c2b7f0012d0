package sysctl

import (
	"fmt"
	"path/filepath"
	"strings"
)

// root contains the sysctls of the calling thread's network namespace: below net, the
// kernel uses the namespace of the thread that opens the file, not that of the process
// that mounted proc, nor that of the main thread.
const root = "/proc/sys"

// pathOf returns the file of a sysctl. As in sysctl(8), dots separate the parts of a name,
// and a slash stands for a dot within a part ("net.ipv4.conf.eth0/100.rp_filter"). If the
// first separator is a slash, slashes separate and dots are literal.
func pathOf(name string) (string, error) {
	path := name
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		path = strings.Map(swapSeparator, name)
	}
	if !filepath.IsLocal(path) || filepath.Clean(path) != path || !strings.HasPrefix(path, "net/") {
		return "", fmt.Errorf("%q is not the name of a sysctl below net", name)
	}
	return filepath.Join(root, path), nil
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
