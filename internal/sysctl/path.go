package sysctl

import (
	"fmt"
	"path/filepath"
	"strings"
)

// root shows each thread the sysctls of its own network namespace: below net, the kernel
// looks at the thread that opens the file, not at the process that mounted proc or at
// the first thread of this process.
const root = "/proc/sys"

// pathOf is the file of a sysctl. As in sysctl(8), dots separate the parts of the name,
// and a slash stands for a dot within a part ("net.ipv4.conf.eth0/100.rp_filter"); if the
// first separator is a slash, it is the other way round.
func pathOf(name string) (string, error) {
	path := name
	if i := strings.IndexAny(name, "./"); i >= 0 && name[i] == '.' {
		path = strings.Map(swapSeparator, name)
	}
	if !filepath.IsLocal(path) || filepath.Clean(path) != path || !strings.HasPrefix(path, "net/") {
		return "", fmt.Errorf("%q is no name of a sysctl below net", name)
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
