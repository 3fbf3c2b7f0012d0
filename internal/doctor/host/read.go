package host

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/hostcheck"
	"github.com/lvsmark/lvsmark/internal/route"
)

// Read reads the part of the host that the checks of a director and of a real server have in
// common. root is the directory of its files. The caller must close the routes.
func Read(root string) (h *Host, routes *route.Table, err error) {
	h = &Host{Files: os.DirFS(root), Kernel: kernelRelease(), Connect: connect, Neighbors: readNeighbors, WhoHas: hostaddr.Ask}
	if h.Devices, err = readDevices(); err != nil {
		return nil, nil, fmt.Errorf("list network devices: %w", err)
	}
	if routes, err = route.Open(); err != nil {
		return nil, nil, fmt.Errorf("open route netlink: %w", err)
	}
	h.Route, h.Masquerade = routes.To, route.NewMasquerade(routes).To
	h.Sysctls = readSysctls(h.Devices)
	h.ConntrackMaxReadOnly = isReadOnly(conntrackMax)
	h.Addresses = factOf(hostaddr.Read())
	h.Rules = factOf(route.Rules())
	h.Gateways = factOf(readGateways())
	h.Listeners = factOf(h.readListeners())
	h.Processes, h.Arguments = readProcesses()
	return h, routes, nil
}

// ReadDirector reads what only the checks of a director look at.
func (h *Host) ReadDirector(root string, spec *config.Spec) {
	h.IPVS = factOf(readIPVS(spec))
	tracking := firewall.Tracking{
		IPVS:   h.Value(config.ConntrackSysctl, "0") != "0",
		Needed: spec.TranslatesClients(),
		Strict: h.Value("net.netfilter.nf_conntrack_tcp_loose", "1") == "0",
	}
	var unknown error
	tracking.Masquerade, tracking.MasqueradePossible, unknown = hostcheck.MasqueradeAddresses(spec)
	h.Ruleset = factOf(readRuleset(spec, tracking))
	h.Ruleset.Err = errors.Join(h.Ruleset.Err, unknown)
	settings := hostcheck.Host{Value: h.Value, Modules: filepath.Join(root, "sys/module")}
	h.Settings = settings.Findings(spec)
	h.Networks = factOf(hostcheck.ReadClientNetworks(spec))
}

// ReadServer reads what the checks of a real server look at besides.
func (h *Host) ReadServer(spec *config.Spec) {
	h.Ruleset = factOf(readRuleset(spec, firewall.Tracking{}))
}

func kernelRelease() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

// readNeighbors reads the neighbor tables of both families.
func readNeighbors() (map[netip.Addr]bool, error) {
	neighbors, err := route.Neighbors()
	if err != nil {
		return nil, err
	}
	answers := make(map[netip.Addr]bool, len(neighbors))
	for _, n := range neighbors {
		switch {
		case n.State&(unix.NUD_REACHABLE|unix.NUD_STALE|unix.NUD_DELAY|unix.NUD_PROBE|unix.NUD_PERMANENT|unix.NUD_NOARP) != 0:
			answers[n.Address] = true
		case n.State&(unix.NUD_FAILED|unix.NUD_INCOMPLETE) != 0 && !answers[n.Address]: // on no other device
			answers[n.Address] = false
		}
	}
	return answers, nil
}
