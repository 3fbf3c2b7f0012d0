package keepalived

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/render"
	"github.com/lvsmark/lvsmark/ipvs"
)

// The checks of real servers.
const (
	checkTCP = "tcp" // a TCP connection
	checkFTP = "ftp" // a session of FTP; a TCP connection in other clusters
)

// program is the path of lvsmark, as in its packages.
const program = "/usr/bin/lvsmark"

// probeTimeout is the default of lvsmark probe --timeout, and margin what keepalived waits
// longer.
const (
	probeTimeout = 10 * time.Second
	margin       = 5 * time.Second
)

// checkLines returns the block of the check of a real server.
func checkLines(c *config.Cluster, d ipvs.Destination, options render.Options) []string {
	port := checkedPort(c)
	switch {
	case options.Check == "" || port == 0:
		return nil
	case options.Check == checkFTP && c.FTP != nil:
		return probeLines(c, d, options)
	}
	return []string{
		"TCP_CHECK {",
		fmt.Sprintf("    connect_port %d", port),
		"    connect_timeout 3",
		"}",
	}
}

// probeLines returns a MISC_CHECK of a real server: keepalived removes the server after three
// failed probes. With --fail-open, a mistake in the spec, which status 2 would report, does
// not remove all real servers.
func probeLines(c *config.Cluster, d ipvs.Destination, options render.Options) []string {
	words := []string{program, "-c", cmp.Or(options.SpecFile, config.DefaultFile), "probe", "server", "--fail-open"}
	words = append(append(words, options.ProbeFlags...), c.Name, d.Address.String())
	limit := cmp.Or(options.ProbeTimeout, probeTimeout) + margin
	return []string{
		"MISC_CHECK {",
		fmt.Sprintf("    misc_path %q", strings.Join(words, " ")),
		fmt.Sprintf("    misc_timeout %d", int64((limit+time.Second-1)/time.Second)),
		"    user root",
		"    retry 2",
		"    delay_before_retry 3",
		"}",
	}
}

// checkWords refuses words that keepalived would not pass to a program as they are.
func checkWords(spec *config.Spec, options render.Options) error {
	var words []string
	if options.Check == checkFTP {
		words = append([]string{options.SpecFile}, options.ProbeFlags...)
	} else if spec.Director.VRRP != nil {
		words = applyWords(options)
	}
	for _, word := range words {
		if special(word) {
			return fmt.Errorf("keepalived.conf cannot have %q in a command: it may have letters, digits and / . _ - , : = +", word)
		}
	}
	return nil
}

// special reports whether keepalived would read a word of keepalived.conf as another one: a
// comment, a quote, a variable, a block or a condition begins in it.
func special(word string) bool {
	return strings.ContainsFunc(word, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"'\#!${}@~`, c) })
}

// checkedPort returns the first TCP port of a cluster, the control port of FTP, or 0.
func checkedPort(c *config.Cluster) uint16 {
	if c.FTP != nil {
		return c.FTP.ControlPorts[0]
	}
	for _, ports := range c.Ports {
		if ports.Protocol == config.TCP {
			return ports.Low
		}
	}
	return 0
}
