package lvsmark

import (
	"fmt"
	"os"
	"strings"

	"github.com/vishvananda/netns"

	"github.com/lvsmark/lvsmark/internal/thread"
)

// InNamespace runs f on a thread in the network namespace: a name in /run/netns, see
// ip-netns(8), a path, or "" for the caller's namespace.
func InNamespace(name string, f func() error) error {
	var err error
	thread.Run(func() {
		if err = enter(name); err == nil {
			err = f()
		}
	})
	return err
}

func enter(name string) error {
	if name == "" {
		return nil
	}
	open := netns.GetFromName
	if strings.Contains(name, "/") {
		open = openNamespace
	}
	ns, err := open(name)
	if err != nil {
		return fmt.Errorf("network namespace %q: %w (`ip netns list` lists the names)", name, err)
	}
	defer ns.Close()
	if err := netns.Set(ns); err != nil {
		return fmt.Errorf("network namespace %q: %w (entering it needs CAP_SYS_ADMIN)", name, err)
	}
	return nil
}

// openNamespace refuses anything but a regular file: opening a pipe can block.
func openNamespace(path string) (netns.NsHandle, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return netns.None(), err
	case !info.Mode().IsRegular():
		return netns.None(), fmt.Errorf("%s is not the file of a network namespace", path)
	}
	return netns.GetFromPath(path)
}
