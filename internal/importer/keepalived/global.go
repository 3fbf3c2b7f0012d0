package keepalived

import (
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// maxTimeout is the longest timeout in seconds (LVS_MAX_TIMEOUT).
const maxTimeout = 31 * 86400

// global reads global_defs. Most of it is about the daemon, VRRP and mail.
func (r *reader) global(n *node) {
	for _, s := range n.block {
		if r.opaque(s) {
			continue
		}
		switch s.words[0] {
		case "lvs_sync_daemon":
			if r.daemon != nil {
				r.config.AddFinding(s.Line, "keepalived ignores this line: lvs_sync_daemon is set already, in %s", r.daemon.Line)
				continue
			}
			r.daemon = s
		case "lvs_timeouts":
			r.timeouts(s)
		case "lvs_flush":
			r.config.AddFinding(s.Line, "keepalived deletes all IPVS services when it starts, also those of lvsmark: remove lvs_flush")
		case "nftables_ipvs", "nftables_ipvs_start_fwmark":
			r.config.AddNotUnderstood(s.Line, "keepalived gives groups marks of its own: use the output of ipvsadm -Sn and of nft list ruleset in place of this file")
		case "startup_script":
			r.script(s)
		case "net_namespace", "net_namespace_ipvs":
			r.config.AddFinding(s.Line, "the services are in network namespace %s: use --netns", s.word(1))
		}
	}
}

// script records a program that may change the kernel.
func (r *reader) script(n *node) {
	r.config.AddFinding(n.Line, "%s runs %s: what it does to rules and services is not compared", n.words[0], strings.Join(n.words[1:], " "))
}

func (r *reader) timeouts(n *node) {
	t := oldconfig.Timeouts{Line: n.Line}
	rest := n.words[1:]
	for len(rest) >= 2 {
		seconds, ok := value.Number(rest[1], 1, maxTimeout)
		field := map[string]*time.Duration{"tcp": &t.TCP, "tcpfin": &t.TCPFin, "udp": &t.UDP}[rest[0]]
		if !ok || field == nil {
			break
		}
		*field = time.Duration(seconds) * time.Second
		rest = rest[2:]
	}
	if len(rest) > 0 || len(n.words) == 1 {
		r.config.AddNotUnderstood(n.Line, "lvs_timeouts has another form than tcp SECONDS, tcpfin SECONDS, udp SECONDS")
		return
	}
	r.config.Timeouts = append(r.config.Timeouts, t)
}
