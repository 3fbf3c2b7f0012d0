// Package sysctlconf reads kernel parameters from sysctl.conf(5), or from the output of
// sysctl(8). Only those that decide about packets of IPVS are in the model.
package sysctlconf

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Name is the name of the language.
const Name = "sysctl.conf"

// Recognises reports whether every line is a comment or NAME = VALUE, with a name of the
// kernel's.
func Recognises(text string) bool {
	found := false
	for line := range strings.Lines(text) {
		name, _, ok := parse(line)
		switch {
		case isComment(line):
		case !ok || !isKernelName(name):
			return false
		default:
			found = true
		}
	}
	return found
}

func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#' || line[0] == ';'
}

func parse(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(strings.TrimSpace(line), "=")
	return strings.TrimPrefix(strings.TrimSpace(name), "-"), strings.TrimSpace(value), ok
}

func isKernelName(name string) bool {
	for _, directory := range []string{"net", "kernel", "vm", "fs", "dev", "user", "debug", "abi"} {
		if rest, found := strings.CutPrefix(name, directory); found && len(rest) > 1 && (rest[0] == '.' || rest[0] == '/') {
			return !strings.ContainsAny(name, " \t")
		}
	}
	return false
}

// Read reads sysctl.conf.
func Read(name, text string) (*oldconfig.Config, error) {
	c := &oldconfig.Config{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if setting, value, ok := parse(line); ok && !isComment(line) {
			Set(c, setting, value, oldconfig.Line{File: name, Number: number, Text: strings.TrimSpace(line)})
		}
	}
	return c, nil
}

func isNoNumber(text string) bool {
	_, err := strconv.Atoi(text)
	return err != nil
}

// Set adds a parameter, named with dots or slashes, or by its file below /proc/sys.
func Set(c *oldconfig.Config, name, value string, line oldconfig.Line) {
	name = strings.TrimPrefix(path.Clean(name), "/proc/sys/")
	if strings.Contains(name, "/") {
		name = strings.ReplaceAll(name, "/", ".")
	}
	switch {
	case name == config.ConntrackSysctl:
		c.Tracking = &oldconfig.Tracking{On: value != "0", Line: line}
		c.AddFinding(line, "a setting of IPVS: source-nat sets it, or sysctls of director")
	case strings.HasPrefix(name, "net.ipv4.vs."):
		if slices.ContainsFunc(strings.Fields(value), isNoNumber) || strings.TrimSpace(value) == "" {
			c.AddFinding(line, "a setting of IPVS whose value is not a number; a spec has it below sysctls of director")
			return
		}
		c.Sysctls = append(c.Sysctls, oldconfig.Sysctl{Setting: config.Setting{Name: name, Value: value}, Line: line})
	case name == "net.netfilter.nf_conntrack_helper" && value != "0":
		c.AddNotUnderstood(line, "helpers of connection tracking apply to all connections: use rules with -j CT --helper, as since Linux 6.0")
	}
}
