// Package hostcheck finds settings of the host, outside of nftables and IPVS, that break
// the packets of a spec: kernel modules, rules of policy routing, sysctls of devices. It
// changes nothing.
//
// All functions use the network namespace of the calling thread. A caller that has entered
// a namespace must have locked its OS thread.
package hostcheck

import (
	"fmt"
	"net"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/route"
)

// A Host is what the checks ask.
type Host struct {
	// Value returns the value that a sysctl has after an apply of the spec, or the default
	// if it does not exist.
	Value func(name, missing string) string

	Modules string // directory of loaded modules; empty: /sys/module
}

// Warnings describes the settings, each with a remedy. What cannot be read is a warning
// too.
func (h Host) Warnings(spec *config.Spec) []string {
	warnings := append(h.ftpModule(spec), h.localPorts(spec)...)
	devices, err := net.Interfaces()
	if err != nil {
		return append(warnings, fmt.Sprintf("network devices could not be checked: %v", err))
	}
	routes, err := route.Open()
	if err != nil {
		return append(warnings, fmt.Sprintf("routes could not be checked: %v", err))
	}
	defer routes.Close()
	for _, check := range []func(*config.Spec, []net.Interface, *route.Table) ([]string, error){h.forwarding, h.rules} {
		found, err := check(spec, devices, routes)
		warnings = append(warnings, found...)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("routes could not be checked: %v", err))
		}
	}
	return warnings
}

// sysctlOf returns the name of a sysctl of a device, see sysctl(8).
func sysctlOf(device, name string) string {
	return "net.ipv4.conf." + strings.ReplaceAll(device, ".", "/") + "." + name
}

// listed joins names, at most a few of them.
func listed(names []string) string {
	const maxListed = 4
	if n := len(names) - maxListed; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), n)
	}
	return strings.Join(names, ", ")
}
