package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netns"

	"github.com/lvsmark/lvsmark/internal/thread"
)

// A Host is a network namespace that represents a machine of the lab.
type Host struct {
	Name  string // in the lab: client, director, rs1, …
	NetNS string // name below /run/netns

	lab *Lab
}

// addHost creates a namespace with its loopback device up and without IPv6
// duplicate address detection, so that addresses are usable at once.
func (l *Lab) addHost(name string) (*Host, error) {
	h := &Host{Name: name, NetNS: l.prefix + "-" + name, lab: l}
	if _, err := l.run("ip", "netns", "add", h.NetNS); err != nil {
		return nil, err
	}
	l.hosts = append(l.hosts, h)
	err := h.Sysctls(map[string]string{
		"net.ipv6.conf.all.accept_dad":     "0",
		"net.ipv6.conf.default.accept_dad": "0",
		"net.ipv6.conf.default.accept_ra":  "0",
	})
	if err != nil {
		return nil, err
	}
	return h, h.ip("link set lo up")
}

// remove kills the processes in the namespace and deletes it. Some may still run:
// children of a server can leave its process group.
func (h *Host) remove() error {
	return errors.Join(h.killAll(), run("ip", "netns", "delete", h.NetNS))
}

// Do calls fn on a separate thread inside the namespace. Sockets that fn opens stay
// in the namespace.
func (h *Host) Do(fn func() error) (err error) {
	thread.Run(func() {
		var ns netns.NsHandle
		if ns, err = netns.GetFromName(h.NetNS); err == nil {
			err = netns.Set(ns)
			ns.Close()
		}
		if err != nil {
			err = fmt.Errorf("network namespace %s: %w", h.NetNS, err)
			return
		}
		err = fn()
	})
	return err
}

// Sysctls sets kernel parameters below net., named in dotted form.
func (h *Host) Sysctls(values map[string]string) error {
	return h.Do(func() error {
		for name, value := range values {
			if err := os.WriteFile(sysctlPath(name), []byte(value), 0); err != nil {
				return fmt.Errorf("%s: sysctl %s: %w", h.Name, name, err)
			}
		}
		return nil
	})
}

// Sysctl reads a kernel parameter below net.
func (h *Host) Sysctl(name string) (string, error) {
	var value string
	err := h.Do(func() error {
		b, err := os.ReadFile(sysctlPath(name))
		value = strings.TrimSpace(string(b))
		return err
	})
	return value, err
}

func sysctlPath(name string) string {
	return filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
}

// ip runs ip(8) commands, one per line, inside the namespace.
func (h *Host) ip(commands ...string) error {
	_, err := h.lab.runInput(strings.Join(commands, "\n")+"\n", "ip", "-n", h.NetNS, "-batch", "-")
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}

// nft loads a ruleset inside the namespace.
func (h *Host) nft(ruleset string) error {
	_, err := h.lab.runInput(ruleset, "ip", "netns", "exec", h.NetNS, "nft", "-f", "-")
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	return nil
}
