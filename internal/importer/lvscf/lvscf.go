// Package lvscf reads virtual servers from lvs.cf(5) of Piranha. Like its daemon lvsd, it
// makes commands of ipvsadm of them.
package lvscf

import (
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/ipvsadm"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// Name is the name of the language.
const Name = "lvs.cf"

// Recognises reports whether the text has a block "virtual NAME {", and is no script.
func Recognises(text string) bool {
	if strings.HasPrefix(text, "#!/") {
		return false
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(uncomment(line))
		if len(words) == 3 && words[0] == "virtual" && words[2] == "{" {
			return true
		}
	}
	return false
}

// Read reads lvs.cf.
func Read(name, text string) (*oldconfig.Config, error) {
	r := &reader{state: ipvsadm.NewState(), method: "-g", names: make(map[int]string), off: make(map[int]bool)}
	r.state.Derived = true
	number := 0
	for raw := range strings.Lines(text) {
		number++
		line := oldconfig.Line{File: name, Number: number, Text: strings.TrimRight(raw, "\r\n")}
		r.line(uncomment(raw), line)
	}
	if len(r.blocks) > 0 {
		r.remarks.AddNotUnderstood(r.blocks[len(r.blocks)-1], "the block has no }")
	}
	for _, v := range r.virtuals { // network may stand behind them
		r.add(v)
	}
	return r.result(), nil
}

// uncomment removes the comment, which may stand behind a value, and space. A # inside of
// double quotes is part of the value.
func uncomment(line string) string {
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '"' && (i == 0 || line[i-1] != '\\'):
			quoted = !quoted
		case line[i] == '#' && !quoted:
			return strings.TrimSpace(line[:i])
		}
	}
	return strings.TrimSpace(line)
}

type reader struct {
	state    *ipvsadm.State
	remarks  oldconfig.Config
	method   string           // forwarding method as an option of ipvsadm
	blocks   []oldconfig.Line // beginnings of the open blocks
	ignored  int              // number of blocks when one began that is not read; 0: none
	virtual  *virtual
	server   *server
	virtuals []*virtual
	names    map[int]string // of virtual servers and servers, by line
	off      map[int]bool   // lines of servers that are off
	sync     syncDaemon
}

// A virtual is a block "virtual NAME {".
type virtual struct {
	values  map[string]setting
	servers []*server
	oldconfig.Line
	name string
}

// A server is a block "server NAME {".
type server struct {
	values map[string]setting
	oldconfig.Line
	name string
}

type setting struct {
	value string
	oldconfig.Line
}

func (r *reader) line(text string, l oldconfig.Line) {
	before, isBlock := strings.CutSuffix(text, "{")
	switch {
	case text == "":
	case text == "}":
		r.end(l)
	case isBlock:
		r.begin(strings.Fields(before), l)
	case r.ignored > 0:
	default:
		key, v, found := strings.Cut(text, "=")
		if !found {
			r.remarks.AddNotUnderstood(l, "the line is not KEY = VALUE")
			return
		}
		r.setting(strings.TrimSpace(key), setting{strings.TrimSpace(v), l})
	}
}

func (r *reader) begin(words []string, l oldconfig.Line) {
	r.blocks = append(r.blocks, l)
	switch depth := len(r.blocks); {
	case r.ignored > 0:
	case len(words) == 2 && words[0] == "virtual" && depth == 1:
		r.virtual = &virtual{values: make(map[string]setting), name: words[1], Line: l}
		r.virtuals = append(r.virtuals, r.virtual)
		r.names[l.Number] = words[1]
	case len(words) == 2 && words[0] == "server" && depth == 2:
		r.server = &server{values: make(map[string]setting), name: words[1], Line: l}
		r.virtual.servers = append(r.virtual.servers, r.server)
		r.names[l.Number] = words[1]
	case len(words) > 0 && words[0] == "failover" && depth == 1:
		r.ignored = depth
		r.remarks.AddFinding(l, "a failover service is not part of a spec")
	default:
		r.ignored = depth
		r.remarks.AddNotUnderstood(l, "the block is unknown")
	}
}

func (r *reader) end(l oldconfig.Line) {
	depth := len(r.blocks)
	switch {
	case depth == 0:
		r.remarks.AddNotUnderstood(l, "the } ends no block")
		return
	case r.ignored == depth:
		r.ignored = 0
	case r.ignored == 0 && depth == 2:
		r.server = nil
	case r.ignored == 0:
		r.virtual = nil
	}
	r.blocks = r.blocks[:depth-1]
}

// setting reads KEY = VALUE. The last value of a key counts.
func (r *reader) setting(key string, s setting) {
	switch {
	case r.server != nil:
		r.serverSetting(key, s)
	case r.virtual != nil:
		r.virtualSetting(key, s)
	default:
		r.global(key, s)
	}
}

// global reads a setting outside of blocks.
func (r *reader) global(key string, s setting) {
	switch key {
	case "network", "lvs_type":
		r.setMethod(s)
	case "service":
		if s.value != "lvs" {
			r.remarks.AddNotUnderstood(s.Line, "service = %s: lvsd adds no virtual servers", s.value)
		}
	case "backup_active":
		if s.value != "0" {
			r.remarks.AddFinding(s.Line, "failover to a backup director is not part of a spec")
		}
	case "nat_router":
		r.remarks.AddFinding(s.Line, "the gateway address of the real servers (%s) is not part of a spec: something else has to add it", s.value)
	case "syncdaemon", "syncd_iface", "syncd_id":
		r.syncSetting(key, s)
	case "tcp_timeout", "tcpfin_timeout", "udp_timeout":
		r.setTimeout(key, s)
	case "serial_no", "primary", "primary_private", "primary_shared", "backup", "backup_private", "backup_shared", "rsh_command",
		"heartbeat", "heartbeat_port", "keepalive", "deadtime", "debug_level", "monitor_links", "nat_nmask",
		"reservation_conflict_action", "hard_shutdown":
		// They belong to failover, which has a finding, and to the daemon.
	default:
		r.remarks.AddNotUnderstood(s.Line, "%s is unknown", key)
	}
}

func (r *reader) setMethod(s setting) {
	method := map[string]string{"nat": "-m", "direct": "-g", "tunnel": "-i"}[s.value]
	if method == "" {
		r.remarks.AddNotUnderstood(s.Line, "network %q is none of nat, direct, tunnel", s.value)
		return
	}
	r.method = method
}

func (r *reader) setTimeout(key string, s setting) {
	seconds, ok := value.Number(s.value, 0, 31*86400)
	if !ok {
		r.remarks.AddNotUnderstood(s.Line, "%s %q is not a number of seconds", key, s.value)
		return
	}
	duration := time.Duration(seconds) * time.Second
	t := oldconfig.Timeouts{Line: s.Line}
	*map[string]*time.Duration{"tcp_timeout": &t.TCP, "tcpfin_timeout": &t.TCPFin, "udp_timeout": &t.UDP}[key] = duration
	if t.Timeouts != (config.Timeouts{}) {
		r.remarks.Timeouts = append(r.remarks.Timeouts, t)
	}
}

// result returns the services with their names, and the servers that are off.
func (r *reader) result() *oldconfig.Config {
	c := r.state.Config()
	for _, s := range c.Services {
		s.Name = r.names[s.Number]
		for i := range s.RealServers {
			server := &s.RealServers[i]
			server.Name, server.Disabled = r.names[server.Number], r.off[server.Number]
		}
	}
	if r.sync.on {
		r.remarks.Syncs = append(r.remarks.Syncs, r.sync.daemons())
	}
	r.remarks.Join(c)
	return &r.remarks
}
