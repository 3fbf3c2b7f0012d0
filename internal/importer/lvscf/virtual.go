package lvscf

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/importer/value"
)

// virtualSetting reads a setting of a virtual server.
func (r *reader) virtualSetting(key string, s setting) {
	switch key {
	case "active", "address", "port", "fwmark", "protocol", "scheduler", "persistent", "pmask":
		r.virtual.values[key] = s
	case "send", "expect", "send_program", "expect_program":
		r.remarks.AddFinding(s.Line, "a check of real servers (%s) is not part of a spec", key)
	case "load_monitor":
		if s.value != "none" {
			r.remarks.AddFinding(s.Line, "weights that follow the load (load_monitor = %s) are not part of a spec", s.value)
		}
	case "quiesce_server":
		if s.value != "0" {
			r.remarks.AddFinding(s.Line, "quiesce_server is not part of a spec: lvsmark does not check real servers")
		}
	case "sorry_server":
		r.remarks.AddFinding(s.Line, "sorry_server is not part of a spec: lvsmark does not check real servers")
	case "timeout", "reentry", "use_regex", "vip_nmask":
		// They belong to checks and to addresses, which have findings.
	default:
		r.remarks.AddNotUnderstood(s.Line, "%s is unknown in a virtual server", key)
	}
}

// serverSetting reads a setting of a real server.
func (r *reader) serverSetting(key string, s setting) {
	switch key {
	case "active", "address", "port", "weight":
		r.server.values[key] = s
	default:
		r.remarks.AddNotUnderstood(s.Line, "%s is unknown in a server", key)
	}
}

// add adds the service of a virtual server. lvsd adds none for a virtual server that is off.
func (r *reader) add(v *virtual) {
	active, ok := v.values["active"]
	switch {
	case !ok || active.value != "0" && active.value != "1":
		r.remarks.AddNotUnderstood(v.Line, "virtual server %s has neither active = 0 nor active = 1", v.name)
		return
	case active.value == "0":
		r.remarks.AddFinding(active.Line, "virtual server %s is off: it is left out", v.name)
		return
	}
	key, ok := r.key(v)
	if !ok {
		return
	}
	words := slices.Concat([]string{"-A"}, key, []string{"-s", v.or("scheduler", "wlc")})
	if persistent, ok := v.values["persistent"]; ok && persistent.value != "0" {
		words = append(words, "-p", persistent.value)
		if persistent.value == "1" {
			r.remarks.AddOneSecond(persistent.Line, "persistent = 1")
		}
		if mask, ok := v.values["pmask"]; ok {
			words = append(words, "-M", mask.value)
		}
	}
	r.state.Run(words, v.Line)
	for _, s := range v.servers {
		r.addServer(v, s, key)
	}
}

func (v *virtual) or(key, otherwise string) string {
	if s, ok := v.values[key]; ok {
		return s.value
	}
	return otherwise
}

// key returns the words of ipvsadm that name the service. A virtual server with a mark needs
// no address and no port: lvsd uses the address for the VIP only.
func (r *reader) key(v *virtual) ([]string, bool) {
	address, hasAddress := v.values["address"]
	words := strings.Fields(address.value)
	if len(words) == 2 {
		device, _, _ := strings.Cut(words[1], ":")
		r.remarks.AddFinding(address.Line, "lvsd adds %s to %s: set vip-device: %s in the spec", words[0], words[1], device)
	}
	if mark, ok := v.values["fwmark"]; ok && mark.value != "0" {
		return []string{"-f", mark.value}, true
	}
	port, hasPort := v.values["port"]
	protocol := v.or("protocol", "tcp")
	switch {
	case !hasAddress || len(words) == 0:
		r.remarks.AddNotUnderstood(v.Line, "virtual server %s has no address and no fwmark", v.name)
	case !hasPort:
		r.remarks.AddNotUnderstood(v.Line, "virtual server %s has no port and no fwmark", v.name)
	case protocol != "tcp" && protocol != "udp":
		r.remarks.AddNotUnderstood(v.values["protocol"].Line, "protocol %q is neither tcp nor udp", protocol)
	default:
		return []string{"-" + protocol[:1], words[0] + ":" + port.value}, true
	}
	return nil, false
}

// addServer adds a real server. A server that is off stays in the result, marked so.
func (r *reader) addServer(v *virtual, s *server, key []string) {
	active, ok := s.values["active"]
	address, hasAddress := s.values["address"]
	_, valid := value.Address(address.value)
	switch {
	case !hasAddress || !valid:
		r.remarks.AddNotUnderstood(s.Line, "server %s has no address; names are not looked up", s.name)
		return
	case !ok || active.value != "0" && active.value != "1":
		r.remarks.AddNotUnderstood(s.Line, "server %s has neither active = 0 nor active = 1", s.name)
		return
	case active.value == "0":
		r.off[s.Number] = true
		r.remarks.AddFinding(active.Line, "server %s of virtual server %s is off", s.name, v.name)
	}
	server := address.value
	if port, ok := s.values["port"]; ok {
		server += ":" + port.value
	}
	weight := "1"
	if w, ok := s.values["weight"]; ok {
		weight = w.value
	}
	r.state.Run(slices.Concat([]string{"-a"}, key, []string{"-r", server, r.method, "-w", weight}), s.Line)
}
