// Package live reads the configuration of the kernel: tables of nft, of all programs;
// tables of iptables-legacy; and all services of IPVS.
package live

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	"github.com/vishvananda/netns"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/hostaddr"
	"github.com/lvsmark/lvsmark/internal/importer/iptables"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/printable"
	"github.com/lvsmark/lvsmark/internal/privilege"
	"github.com/lvsmark/lvsmark/internal/sysctl"
	"github.com/lvsmark/lvsmark/internal/thread"
	"github.com/lvsmark/lvsmark/internal/verify"
	"github.com/lvsmark/lvsmark/internal/xtables"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// source is the name of the kernel in oldconfig.Line.
const source = "kernel"

// Read reads the kernel of a network namespace: a name in /run/netns, or a path; empty: that
// of the caller.
func Read(namespace string) (*oldconfig.Config, error) {
	if err := privilege.Check(privilege.NetAdmin()); err != nil {
		return nil, err
	}
	return thread.Call(func() (*oldconfig.Config, error) { return readNamespace(namespace) })
}

func readNamespace(namespace string) (*oldconfig.Config, error) {
	if namespace != "" {
		if err := enter(namespace); err != nil {
			return nil, fmt.Errorf("network namespace %s: %w", namespace, err)
		}
	}
	config, own, err := readNFT()
	if err != nil {
		return nil, err
	}
	for _, read := range []func() (*oldconfig.Config, error){readLegacy, readIPVS, readSettings} {
		more, err := read()
		if err != nil {
			return nil, err
		}
		config.Join(more)
	}
	addresses, err := hostaddr.Read()
	if err != nil {
		return nil, err
	}
	addRecords(config, own, addresses)
	return config, nil
}

func enter(namespace string) error {
	open := netns.GetFromName
	if strings.Contains(namespace, "/") {
		open = netns.GetFromPath
	}
	handle, err := open(namespace)
	if err != nil {
		return err
	}
	defer handle.Close()
	return netns.Set(handle)
}

// attempts is the number of reads if other processes change the rules meanwhile.
const attempts = 100

// readNFT reads the rules of all tables, and lvsmark's own tables.
func readNFT() (config *oldconfig.Config, own *nft.Ruleset, err error) {
	conn, err := nft.Dial()
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	err = conn.ReadConsistently(attempts, func(uint32) error {
		tables, err := conn.All()
		if err == nil {
			config, err = firewall.Chains(tables, conn)
		}
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	snapshot, err := conn.Snapshot()
	if err != nil {
		return nil, nil, err
	}
	return config, &snapshot.Ruleset, nil
}

// readLegacy reads tables of iptables-legacy with their own program.
func readLegacy() (*oldconfig.Config, error) {
	config := &oldconfig.Config{}
	for _, v := range xtables.WithRules() {
		text, err := output(v.Program + "-save")
		if err != nil {
			return nil, err
		}
		c, err := iptables.ReadSave(v.Program, text)
		if err != nil {
			return nil, fmt.Errorf("%s-save: %w", v.Program, err)
		}
		config.Join(c)
	}
	return config, nil
}

// readIPVS reads services, by mark and by address.
func readIPVS() (*oldconfig.Config, error) {
	config := &oldconfig.Config{}
	if !ipvs.Loaded() {
		return config, nil
	}
	conn, err := ipvs.Open()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	marked, err := conn.Services()
	if err != nil {
		return nil, err
	}
	for _, v := range marked {
		line := oldconfig.Line{File: source, Text: "service " + v.Key.String()}
		config.Services = append(config.Services, verify.FromKernel(v, line, ""))
	}
	if err := readSync(config, conn); err != nil {
		return nil, err
	}
	addressed, err := conn.AddressServices()
	if err != nil {
		return nil, err
	}
	for _, v := range addressed {
		line := oldconfig.Line{File: source, Text: fmt.Sprintf("service %s %s", v.Protocol, v.Address)}
		s := verify.FromKernel(v.VirtualService, line, "")
		s.Protocol, s.Address = v.Protocol, v.Address
		config.Services = append(config.Services, s)
	}
	return config, nil
}

// readSync reads the sync daemons that run.
func readSync(to *oldconfig.Config, conn *ipvs.Conn) error {
	for _, state := range []ipvs.SyncState{ipvs.Master, ipvs.Backup} {
		daemon, err := conn.SyncDaemon(state)
		if err != nil {
			return err
		}
		if daemon != nil {
			role := map[ipvs.SyncState]config.SyncRole{ipvs.Master: config.SyncMaster, ipvs.Backup: config.SyncBackup}[state]
			line := oldconfig.Line{File: source, Text: fmt.Sprintf("sync daemon %s", state)}
			to.Syncs = append(to.Syncs, &oldconfig.Sync{Sync: config.Sync{Role: role, SyncDaemon: *daemon}, Line: line})
		}
	}
	return nil
}

// readSettings reads the parameter that decides whether rules translate packets of IPVS. It
// does not exist before IPVS is loaded, and is 0 then.
func readSettings() (*oldconfig.Config, error) {
	value, err := sysctl.Read(config.ConntrackSysctl)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	line := oldconfig.Line{File: source, Text: config.ConntrackSysctl}
	return &oldconfig.Config{Tracking: &oldconfig.Tracking{On: err == nil && value != "0", Line: line}}, nil
}

// output runs a program in the namespace of the thread.
func output(program string, arguments ...string) (string, error) {
	text, err := exec.Command(program, arguments...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		return "", fmt.Errorf("%s: %w: %s", program, err, printable.Line(strings.TrimSpace(string(exit.Stderr))))
	}
	if err != nil {
		return "", fmt.Errorf("the kernel is read with %s: %w", program, err)
	}
	return string(text), nil
}
