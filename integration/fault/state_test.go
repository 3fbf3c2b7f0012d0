//go:build linux && amd64

package fault_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// A state is what the kernel holds of what lvsmark could change, each thing by
// the name by which lvsmark has to call it when it is left behind.
type state map[string]string

// stateScript asks IPVS first: that loads the module, which brings sysctls.
const stateScript = `
if ipvsadm -Sn 2>/dev/null; then ipvsadm -L --timeout; fi
nft list ruleset
ip -o address show scope global
cd /proc/sys/net
grep -s . ipv4/ip_forward ipv4/ip_default_ttl ipv6/conf/all/forwarding ipv4/vs/* || true
`

// state reads it with the programs that administrators use.
func (w *world) state() state {
	w.t.Helper()
	s, table := state{}, ""
	for line := range strings.Lines(w.run("sh", "-c", stateScript)) {
		line = strings.TrimRight(line, "\n")
		name, fields := table, strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "table "):
			table = strings.TrimSuffix(line, " {")
			name = table
		case line == "}":
			table = ""
		case table != "":
		case strings.HasPrefix(line, "-A "):
			name = service(fields)
		case strings.HasPrefix(line, "-a "):
			name = fields[4]
			name = strings.TrimSuffix(name, ":0") + " of " + strings.TrimPrefix(service(fields), "service ")
		case strings.HasPrefix(line, "Timeout "):
			name = "ipvs.timeout"
		case strings.HasPrefix(line, "ipv"):
			path, _, _ := strings.Cut(line, ":")
			name = "net." + strings.ReplaceAll(path, "/", ".")
		default: // 2: vip0    inet 198.51.100.21/32 scope global vip0 …
			require.Greater(w.t, len(fields), 3, line)
			name, _, _ = strings.Cut(fields[3], "/")
		}
		s[name] += line + "\n"
	}
	return s
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
