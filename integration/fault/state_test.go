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

// A state is what the kernel holds of what lvsmark could change, each thing by
// the name by which lvsmark has to call it when it is left behind.
type state map[string]string

// state reads it with the programs that administrators use, IPVS first: that
// loads the module, which brings sysctls.
func (w *world) state() state {
	w.t.Helper()
	s := state{}
	if w.ipvs {
		s.addServices(w.run("ipvsadm", "-Sn"))
		s["ipvs.timeout"] = w.run("ipvsadm", "-L", "--timeout")
	}
	s.addTables(w.run("nft", "list", "ruleset"))
	s.addAddresses(w.run("ip", "-o", "address", "show", "scope", "global"))
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

func (s state) addTables(ruleset string) {
	const end = "\n}\n"
	for table := range strings.SplitAfterSeq(ruleset, end) {
		if name, _, ok := strings.Cut(table, " {\n"); ok {
			s[name] = inOrder(table)
		}
	}
}

// addAddresses reads lines as "2: vip0    inet 198.51.100.21/32 scope global …".
func (s state) addAddresses(listed string) {
	for line := range strings.Lines(listed) {
		ip, _, _ := strings.Cut(strings.Fields(line)[3], "/")
		s[ip] += line
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

// inOrder is a table as nft lists it, with its sets and chains by name: nft has
// them in the order in which they were made.
func inOrder(table string) string {
	block := regexp.MustCompile(`(?m)^\t(map|set|chain) .*\{\n(\t\t.*\n|\n)*\t\}\n`)
	blocks := block.FindAllString(table, -1)
	slices.Sort(blocks)
	return block.ReplaceAllString(table, "") + strings.Join(blocks, "")
}

// service is how lvsmark calls one that is written in the flags of ipvsadm.
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

// differences are the names of things that are not the same.
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
