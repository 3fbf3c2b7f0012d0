//go:build linux && amd64

package fault_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// A state is the kernel state that lvsmark can change: each object by the name that
// lvsmark must use in an error message.
type state map[string]string

// state reads the state with standard tools. It reads IPVS first: that loads the
// module, which adds sysctls.
func (w *fixture) state() state {
	w.t.Helper()
	s := state{}
	if w.ipvs {
		s.addServices(w.run("ipvsadm", "-Sn"))
		s["ipvs.timeout"] = w.run("ipvsadm", "-L", "--timeout")
		s.addDaemons(w.run("ipvsadm", "-L", "--daemon"))
	}
	s.addTables(w.run("nft", "list", "ruleset"))
	s.addAddresses(w.run("ip", "-o", "address", "show", "scope", "global"))
	s.addRoutes(w.run("ip", "route", "show", "table", "local", "proto", "76"))
	require.NoError(w.t, w.inside(s.addSysctls))
	return s
}

func (s state) addServices(saved string) {
	for line := range strings.Lines(saved) {
		flags := strings.Fields(line)
		name := service(flags)
		if flags[0] == "-a" {
			name = strings.TrimSuffix(flags[4], ":0") + " of " + strings.TrimPrefix(name, "service ")
		}
		if !strings.Contains(s[name], line) { // the kernel may list a service twice: see ipvs/list.go
			s[name] += line
		}
	}
}

// addDaemons reads lines like "master sync daemon (mcast=sync0, syncid=1, …)".
func (s state) addDaemons(listed string) {
	for line := range strings.Lines(listed) {
		s["ipvs.sync."+strings.Fields(line)[0]] += line
	}
}

func (s state) addTables(ruleset string) {
	const end = "\n}\n"
	for table := range strings.SplitAfterSeq(ruleset, end) {
		if name, _, ok := strings.Cut(table, " {\n"); ok {
			s[name] = sortBlocks(table)
		}
	}
}

// addAddresses reads lines like "2: vip0    inet 198.51.100.21/32 scope global …".
func (s state) addAddresses(listed string) {
	for line := range strings.Lines(listed) {
		ip, _, _ := strings.Cut(strings.Fields(line)[3], "/")
		s[ip] += line
	}
}

// addRoutes reads lines like "local 198.51.100.96/28 dev vip0 scope host".
func (s state) addRoutes(listed string) {
	for line := range strings.Lines(listed) {
		s[strings.Fields(line)[1]] += line
	}
}

func (s state) addSysctls() error {
	const root = "/proc/sys/net/"
	paths, err := filepath.Glob(root + "ipv4/vs/*")
	if err != nil {
		return err
	}
	paths = append(paths, root+"ipv4/ip_forward", root+"ipv4/ip_default_ttl", root+"ipv6/conf/all/forwarding")
	for _, path := range paths {
		value, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s["net."+strings.ReplaceAll(strings.TrimPrefix(path, root), "/", ".")] = string(value)
	}
	return nil
}

// sortBlocks sorts the sets and chains in nft's listing of a table by name: nft lists
// them in the order of creation.
func sortBlocks(table string) string {
	block := regexp.MustCompile(`(?m)^\t(map|set|chain) .*\{\n(\t\t.*\n|\n)*\t\}\n`)
	blocks := block.FindAllString(table, -1)
	slices.Sort(blocks)
	return block.ReplaceAllString(table, "") + strings.Join(blocks, "")
}

// service returns lvsmark's name of the service in flags of ipvsadm.
func service(flags []string) string {
	if flags[1] == "-f" {
		family := " IPv4"
		if slices.Contains(flags, "-6") {
			family = " IPv6"
		}
		return "service fwmark " + flags[2] + family
	}
	return "service " + flags[2]
}

// differences returns the names of objects that differ.
func (s state) differences(other state) []string {
	var names []string
	for name := range s {
		if s[name] != other[name] {
			names = append(names, name)
		}
	}
	for name := range other {
		if _, ok := s[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s state) equal(other state) bool { return maps.Equal(s, other) }
