package lvsmark

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/vishvananda/netns"
)

// InNamespace runs f on a thread in the network namespace: a name below
// /run/netns as of ip-netns(8), a path, or the caller's own for "".
func InNamespace(name string, f func() error) error {
	done := make(chan error)
	go func() {
		// The thread stays locked, so that it ends with the goroutine and nobody
		// else gets one that is in another namespace.
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
		return fmt.Errorf("network namespace %q: %w (`ip netns list` names those there are)", name, err)
	}
	defer ns.Close()
	if err := netns.Set(ns); err != nil {
		return fmt.Errorf("network namespace %q: %w", name, err)
	}
	return nil
}

// openNamespace refuses what is not a file: to open a pipe could take forever.
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
