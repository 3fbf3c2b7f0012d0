package iptables

import (
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A set is a set of ipset(8).
type set struct {
	kind     string // "hash:ip,port"
	family   oldconfig.Family
	netmask  int                // of hash:ip and bitmap:ip; 0: none
	elements map[string]element // by element.key
	order    []string           // keys of elements, also of deleted ones
	line     oldconfig.Line     // that creates it
	wide     bool               // elements with several addresses or ports were added
	unknown  string             // why the set is not understood
	limits   setLimits
}

// An element is an element of a set of one of the kinds that lvsmark understands.
type element struct {
	addresses []oldconfig.Range // of ip and net
	others    []oldconfig.Range // of the ip or net behind the port
	device    string            // of iface
	length    int               // of a network, to find the most specific one
	protocol  uint64            // of port; 0: TCP and UDP
	port      oldconfig.Range
	mac       uint64
	member    string // of list:set
	noMatch   bool
	spans     bool // written as FIRST-LAST
	expires   bool
	mark      uint32 // of skbmark: mark & ^mask ^ value
	mask      uint32
	place     int // in set.order
}

// isSetLine reports whether the line is one of ipset save.
func isSetLine(text string) bool {
	first, _, _ := strings.Cut(text, " ")
	return setCommand(first) != ""
}

// setCommand returns the name of a command of ipset.
func setCommand(word string) string {
	switch word {
	case "create", "-N", "--create", "n":
		return "create"
	case "add", "-A", "--add":
		return "add"
	case "del", "-D", "--del":
		return "del"
	case "flush", "-F", "--flush":
		return "flush"
	case "destroy", "-X", "--destroy", "x":
		return "destroy"
	case "swap", "-W", "--swap":
		return "swap"
	case "rename", "-E", "--rename":
		return "rename"
	case "list", "-L", "--list", "save", "-S", "test", "-T", "version", "-v", "help", "-h":
		return "list"
	}
	return ""
}

// Set executes a command of ipset: the words after the program's name. It returns whether
// ipset would succeed.
func (r *Ruleset) Set(words []Word, line oldconfig.Line) bool {
	args, exist := setArguments(words)
	command := ""
	if len(args) > 0 {
		command = setCommand(args[0])
	}
	var name, second string
	if len(args) > 1 {
		name = args[1]
	}
	if len(args) > 2 {
		second = args[2]
	}
	switch command {
	case "list":
		return true
	case "create":
		return r.createSet(name, second, args, exist, line)
	case "add", "del":
		return r.changeSet(command, name, second, args, exist, line)
	case "flush", "destroy":
		return r.clearSets(command, name)
	case "swap", "rename":
		return r.exchangeSets(command, name, second)
	}
	r.NotUnderstood(line, "the command of ipset is not understood")
	return false
}

// setArguments returns the words without the options that stand anywhere.
func setArguments(words []Word) (args []string, exist bool) {
	for _, w := range words {
		switch w.Text {
		case "-exist", "-!", "--exist":
			exist = true
		case "-q", "-quiet":
		default:
			args = append(args, w.Text)
		}
	}
	return args, exist
}

func (r *Ruleset) createSet(name, kind string, args []string, exist bool, line oldconfig.Line) bool {
	if name == "" || kind == "" {
		r.NotUnderstood(line, "ipset create needs a name and a type")
		return false
	}
	s := &set{kind: oldKind(kind), family: config.IPv4, elements: map[string]element{}, line: line, limits: setLimits{most: defaultMaxelem}}
	if s.dimensions() == nil {
		s.unknown = "lvsmark does not understand sets of type " + kind
	}
	s.options(args[3:])
	if other := r.sets[name]; other != nil {
		return exist && s.kind == other.kind && s.family == other.family
	}
	r.sets[name] = s
	return true
}

// options reads the options of create that change what the set contains.
func (s *set) options(args []string) {
	for i := 0; i+1 < len(args); i++ {
		switch args[i] {
		case "family":
			if args[i+1] == "inet6" {
				s.family = config.IPv6
			}
		case "netmask":
			length, ok := parseNumber(args[i+1], uint64(s.family.Bits()))
			if !ok || s.kind != "hash:ip" {
				s.unknown = "its netmask is not understood"
			}
			s.netmask = int(length)
		case "range":
			s.readRange(args[i+1])
		case "maxelem":
			n, ok := parseNumber(args[i+1], 1<<32-1)
			if !ok || n == 0 {
				s.unknown = "its maxelem is not understood"
			}
			s.limits.most = n
		case "timeout":
			if args[i+1] != "0" {
				s.unknown = "its elements expire"
			}
		case "bitmask", "markmask":
			s.unknown = "its " + args[i] + " is not understood"
		}
	}
}

// oldKind returns the current name of a type of ipset 4.
func oldKind(kind string) string {
	switch kind {
	case "iphash":
		return "hash:ip"
	case "nethash":
		return "hash:net"
	case "ipporthash":
		return "hash:ip,port"
	case "ipmap":
		return "bitmap:ip"
	case "portmap":
		return "bitmap:port"
	case "setlist":
		return "list:set"
	}
	return kind
}

// dimensions returns what a set consists of, or nil for a type that is not understood.
func (s *set) dimensions() []string {
	switch s.kind {
	case "hash:ip", "hash:net", "bitmap:ip":
		return []string{"address"}
	case "hash:ip,port", "hash:net,port":
		return []string{"address", "port"}
	case "hash:ip,port,ip", "hash:ip,port,net", "hash:net,port,net":
		return []string{"address", "port", "other"}
	case "hash:net,iface":
		return []string{"address", "device"}
	case "bitmap:port":
		return []string{"port"}
	case "hash:mac":
		return []string{"mac"}
	case "list:set":
		return []string{"set"}
	}
	return nil
}

func (r *Ruleset) changeSet(command, name, text string, args []string, exist bool, line oldconfig.Line) bool {
	s := r.sets[name]
	if s == nil || text == "" {
		r.NotUnderstood(line, "there is no set %q: put the line that creates it ahead", name)
		return false
	}
	e, ok := s.parseElement(text, args[3:])
	if e.member != "" && r.sets[e.member] == nil {
		r.NotUnderstood(line, "there is no set %q: put the line that creates it ahead", e.member)
		return false
	}
	key := text
	if ok {
		key = e.key()
	} else if s.unknown == "" {
		s.unknown = "its element " + text + " (" + line.String() + ") is not understood"
	}
	_, present := s.elements[key]
	if command == "del" {
		delete(s.elements, key)
		if r.overlaps(s, e) {
			s.unknown = "its element " + text + " is deleted (" + line.String() + ") in another form than it was added"
			return true
		}
		return present || exist
	}
	if present && !exist {
		return false
	}
	if r.elements++; r.elements > maxElements {
		s.unknown = "lvsmark reads at most " + decimal(maxElements) + " elements of sets"
		return true
	}
	s.wide = s.wide || e.wide()
	if e.place = s.elements[key].place; !present {
		s.fill(e)
		e.place, s.order = len(s.order), append(s.order, key)
	}
	s.elements[key] = e
	return true
}

// overlaps reports whether a deleted element may have been a part of elements that are left, or
// the other way round: ipset keeps single addresses and ports, and lvsmark what was written. In
// sets of networks, each network is an element of its own.
func (r *Ruleset) overlaps(s *set, deleted element) bool {
	if !s.wide && !deleted.wide() || strings.HasPrefix(s.kind, "hash:net") && !deleted.several() && !s.hasSeveral() {
		return false
	}
	if r.compared += len(s.elements); r.compared > maxCompared {
		return true
	}
	for _, e := range s.elements {
		if e.touches(deleted) {
			return true
		}
	}
	return false
}

// all returns the elements in the order of their lines.
func (s *set) all() (elements []element) {
	for i, key := range s.order {
		if e, ok := s.elements[key]; ok && e.place == i {
			elements = append(elements, e)
		}
	}
	return elements
}
