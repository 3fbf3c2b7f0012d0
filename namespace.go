package lvsmark

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/vishvananda/netns"
)

// InNamespace runs f on a thread in the network namespace: a name in /run/netns, see
// ip-netns(8), a path, or "" for the caller's namespace.
func InNamespace(name string, f func() error) error {
	done := make(chan error)
	go func() {
		// The thread stays locked, so that it ends with the goroutine and no other
		// goroutine runs in this namespace.
		runtime.LockOSThread()
		if err := enter(name); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
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
