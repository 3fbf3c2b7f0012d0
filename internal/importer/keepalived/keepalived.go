// Package keepalived reads virtual servers from keepalived.conf(5). Facts about keepalived
// are those of version 2.2.7: keepalived/check/check_parser.c, check_data.c and
// ipvswrapper.c.
package keepalived

import (
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Name is the name of the language.
const Name = "keepalived.conf"

// Recognises reports whether the text has a block of keepalived.conf, or includes a file, and is
// no script, which may have a keepalived.conf in a here-document.
func Recognises(text string) bool {
	if strings.HasPrefix(text, "#!/") {
		return false
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(decomment(strings.TrimRight(line, "\r\n")))
		if len(words) == 0 {
			continue
		}
		switch strings.TrimSuffix(words[0], "{") {
		case "global_defs", "virtual_server", "virtual_server_group", "vrrp_instance", "vrrp_sync_group",
			"vrrp_script", "static_ipaddress", "static_routes":
			return true
		case "include": // that of nft has quotes
			if len(words) > 1 && words[1][0] != '"' {
				return true
			}
		}
	}
	return false
}

// Read reads keepalived.conf and the files that it includes. Patterns of include are
// relative to the directory of name.
func Read(name, text string) (*oldconfig.Config, error) {
	return readWith(name, text, globFiles), nil
}

func readWith(name, text string, include includer) *oldconfig.Config {
	r := &reader{groups: make(map[string]*group), seen: make(map[key]oldconfig.Line)}
	l := &lines{config: &r.config, include: include}
	l.read(name, text)
	for _, n := range parse(l.result) {
		r.top(n)
	}
	for _, v := range r.virtuals {
		r.expand(v)
	}
	r.vrrp()
	r.syncDaemon()
	return &r.config
}

// A reader collects the blocks of all files: a group may stand behind the virtual server
// that names it.
type reader struct {
	config   oldconfig.Config
	groups   map[string]*group
	virtuals []*virtual
	seen     map[key]oldconfig.Line
	count    int // of real servers in all services

	instances []*instance
	together  [][]string // names of the instances of each vrrp_sync_group
	daemon    *node      // the first lvs_sync_daemon
}

// top reads a statement outside of blocks.
func (r *reader) top(n *node) {
	if r.opaque(n) {
		return
	}
	r.checkValues(n, needsValue(n.words[0]))
	switch n.words[0] {
	case "virtual_server":
		if v := r.virtual(n); v != nil {
			r.virtuals = append(r.virtuals, v)
		}
	case "virtual_server_group":
		r.group(n)
	case "global_defs":
		r.global(n)
	case "net_namespace", "net_namespace_ipvs":
		r.config.AddFinding(n.Line, "the services are in network namespace %s: use --netns", n.word(1))
	case "vrrp_instance":
		r.instances = append(r.instances, r.instance(n))
	case "vrrp_sync_group":
		r.syncGroup(n)
	case "static_ipaddress", "static_routes", "static_rules", "virtual_ipaddress":
		r.config.AddFinding(n.Line, "%s is not part of a spec: keep it in keepalived", strings.Join(n.words, " "))
	case "vrrp_script", "vrrp_track_process", "vrrp_track_file", "track_file", "static_track_group", "bfd_instance",
		"garp_group", "linkbeat_interfaces", "linkbeat_use_polling", "interface_up_down_delays", "SSL", "instance",
		"use_pid_dir", "namespace_with_ipsets", "child_wait_time", "vrrp_version":
		// They serve VRRP, checks and the daemon, which have findings of their own.
	default:
		r.config.AddNotUnderstood(n.Line, "%s is unknown", n.words[0])
	}
}

// opaque records a statement that depends on what the file does not say.
func (r *reader) opaque(n *node) bool {
	if n.opaque != "" && n.opaque != remarked {
		r.config.AddNotUnderstood(n.Line, "%s", n.opaque)
	}
	return n.opaque != ""
}
