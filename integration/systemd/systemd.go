// Package systemd has what a systemd in the namespaces of a test needs.
package systemd

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Targets returns the targets that the units use, without the dependencies of a distribution,
// by name: the text of the section Unit.
func Targets() map[string]string {
	return map[string]string{
		"boot":           "Requires=basic.target\nAfter=basic.target\n",
		"basic":          "Requires=sysinit.target\nAfter=sysinit.target\n",
		"sysinit":        "",
		"network":        "",
		"network-pre":    "",
		"network-online": "",
		"multi-user":     "",
		"shutdown":       "DefaultDependencies=no\n",
		"timers":         "",
	}
}

// Cgroup makes a cgroup for the test, and removes it with those in it at the end. The test is
// skipped if the machine has no cgroup2 hierarchy.
func Cgroup(t *testing.T) string {
	t.Helper()
	const hierarchy = "/sys/fs/cgroup"
	if _, err := os.Stat(hierarchy + "/cgroup.procs"); err != nil {
		t.Skipf("needs the cgroup2 hierarchy at %s: %v", hierarchy, err)
	}
	cgroup, err := os.MkdirTemp(hierarchy, "lvsmark-test-*")
	require.NoError(t, err)
	t.Cleanup(func() { removeCgroups(cgroup) })
	return cgroup
}

// removeCgroups removes a tree of empty cgroups.
func removeCgroups(top string) {
	var all []string
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			all = append(all, path)
		}
		return nil
	})
	for i := len(all) - 1; i >= 0; i-- {
		_ = os.Remove(all[i])
	}
}
