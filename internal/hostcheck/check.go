// Package hostcheck finds settings of the host, outside of nftables and IPVS, that break
// the packets of a spec: kernel modules, routes and rules of policy routing, sysctls of devices. It
// changes nothing.
//
// All functions use the network namespace of the calling thread. A caller that has entered
// a namespace must have locked its OS thread.
package hostcheck

import (
	"fmt"
	"net"
	"slices"
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

// A Finding is a setting that breaks packets, with its remedy. If Err is not nil, the check
// could not be made, and the other fields except Check are empty.
type Finding struct {
	Check        string // one of the names below
	What, Remedy string
	Command      string // shell command of the remedy; empty: it takes a decision
	Err          error
}

// Names of the checks.
const (
	FTPModule      = "ip-vs-ftp"
	LocalPorts     = "local-ports"
	DeviceForwards = "forwarding-device"
	RulesOfMarks   = "ip-rules"
	ServerRoute    = "server-route"
	ReplyRoute     = "reply-route"
	VIPLocal       = "vip-local"
)

// String returns the finding with its remedy in one sentence.
func (f Finding) String() string {
	if f.Err != nil {
		return fmt.Sprintf("routes could not be checked: %v", f.Err)
	}
	return f.What + "; " + f.Remedy
}

// Warnings describes the settings, each with a remedy. What cannot be read is a warning
// too.
func (h Host) Warnings(spec *config.Spec) []string {
	var warnings []string
	for _, f := range h.Findings(spec) {
		if text := f.String(); !slices.Contains(warnings, text) {
			warnings = append(warnings, text)
		}
	}
	return warnings
}

// Findings returns what Warnings describes.
func (h Host) Findings(spec *config.Spec) []Finding {
	found := append(h.ftpModule(spec), h.localPorts(spec)...)
	unknown := func(err error) []Finding {
		for name := range h.ofRoutes {
			found = append(found, Finding{Check: name, Err: err})
		}
		return found
	}
	devices, err := net.Interfaces()
	if err != nil {
		return unknown(err)
	}
	routes, err := route.Open()
	if err != nil {
		return unknown(err)
	}
	defer routes.Close()
	for name, check := range h.ofRoutes {
		more, err := check(spec, devices, routes)
		found = append(found, more...)
		if err != nil {
			found = append(found, Finding{Check: name, Err: err})
		}
	}
	return found
}

// ofRoutes yields the checks that ask for routes.
func (h Host) ofRoutes(yield func(string, func(*config.Spec, []net.Interface, *route.Table) ([]Finding, error)) bool) {
	_ = yield(DeviceForwards, h.forwarding) && yield(RulesOfMarks, h.rules) && yield(VIPLocal, vipsLocal) && yield(ServerRoute, serverRoutes) && yield(ReplyRoute, h.replyRoutes)
}

// SysctlOf returns the name of a sysctl of a device, see sysctl(8).
func SysctlOf(device, name string) string {
	return "net.ipv4.conf." + strings.ReplaceAll(device, ".", "/") + "." + name
}
