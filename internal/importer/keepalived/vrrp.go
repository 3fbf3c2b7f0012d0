package keepalived

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/importer/value"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// defaultPriority is VRRP_PRIO_DFL of vrrp.h.
const defaultPriority = 100

// An instance is a vrrp_instance.
type instance struct {
	name string
	oldconfig.VRRP
	hasID     bool
	syncOn    string // lvs_sync_daemon_interface of version 1
	tracked   []*node
	noPreempt bool
	isMaster  bool // state MASTER
}

// instance reads a vrrp_instance: vrrp_parser.c of keepalived.
func (r *reader) instance(n *node) *instance {
	i := &instance{name: n.word(1)}
	i.Line, i.Priority, i.Interval = n.Line, defaultPriority, config.DefaultAdvertInterval
	for _, s := range n.block {
		if !r.opaque(s) && !r.instanceSetting(i, s) {
			r.config.AddFinding(s.Line, "%s is not part of a spec: the file of lvsmark render keepalived has none", s.words[0])
		}
	}
	i.Preempt = !i.noPreempt || i.isMaster // keepalived ignores nopreempt with state MASTER
	for k := range i.Addresses {
		if a := &i.Addresses[k]; a.Device == "" {
			a.Device = i.Device
		}
	}
	r.checkTracked(i)
	return i
}

// instanceSetting reads a statement of an instance. It returns false if a spec does not contain it.
func (r *reader) instanceSetting(i *instance, s *node) bool {
	switch s.words[0] {
	case "state":
		i.isMaster = s.word(1) == "MASTER"
	case "interface":
		i.Device = s.word(1)
	case "virtual_router_id":
		var id uint64
		id, i.hasID = value.Number(s.word(1), 1, 255)
		i.RouterID = uint8(id)
		return i.hasID
	case "priority":
		priority, ok := value.Number(s.word(1), 1, 254)
		if ok {
			i.Priority = uint8(priority)
		}
		return ok
	case "advert_int":
		seconds, err := strconv.ParseFloat(s.word(1), 64)
		i.Interval = time.Duration(seconds) * time.Second
		if err != nil || seconds != float64(int(seconds)) || seconds < 1 || seconds > 40 {
			i.Interval = config.DefaultAdvertInterval
			r.config.AddFinding(s.Line, "a spec has no advertisement interval of %s: it has 1 to 40 whole seconds, all directors the same; 1s is used", s.word(1))
		}
	case "nopreempt":
		i.noPreempt = true
	case "preempt", "native_ipv6", "garp_master_refresh": // render keepalived has a refresh of its own
	case "preempt_delay":
		if delay := strconv.Itoa(int(config.PreemptDelay.Seconds())); s.word(1) != delay {
			r.config.AddFinding(s.Line, "a spec has no preempt_delay of %s: the file of lvsmark render keepalived has %s with preempt and director.sync, and none without sync", s.word(1), delay)
		}
	case "unicast_src_ip":
		source, ok := value.Address(s.word(1))
		i.Source = source
		return ok
	case "lvs_sync_daemon_interface", "lvs_sync_daemon_inteface":
		i.syncOn = s.word(1)
	case "notify_master":
		return len(s.words) == 2 && isApply(strings.Fields(s.word(1)))
	default:
		return r.blockOf(i, s)
	}
	return true
}

// isApply reports whether a command is that of render keepalived.
func isApply(words []string) bool {
	if len(words) == 4 && words[1] == "-c" {
		words = slices.Delete(words, 1, 3)
	}
	return slices.Equal(words, []string{"/usr/bin/lvsmark", "apply"})
}

func (r *reader) blockOf(i *instance, s *node) bool {
	switch s.words[0] {
	case "unicast_peer":
		for _, p := range s.block {
			peer, ok := value.Address(p.words[0])
			if !ok {
				r.config.AddFinding(p.Line, "%s is no address of another director", p.words[0])
				continue
			}
			i.Peers = append(i.Peers, peer)
		}
	case "virtual_ipaddress", "virtual_ipaddress_excluded":
		for _, a := range s.block {
			r.movedAddress(i, a)
		}
	case "virtual_routes":
		for _, route := range s.block {
			r.movedRoute(i, route)
		}
	case "track_interface":
		i.tracked = append(i.tracked, s.block...)
	default:
		return false
	}
	return true
}

// movedAddress reads ADDRESS[/LENGTH] [dev DEVICE] …
func (r *reader) movedAddress(i *instance, n *node) {
	text, length, hasLength := strings.Cut(n.words[0], "/")
	address, ok := value.Address(text)
	if !ok {
		r.config.AddFinding(n.Line, "%s is no address", n.words[0])
		return
	}
	if hasLength && length != strconv.Itoa(address.BitLen()) {
		r.config.AddFinding(n.Line, "the address has prefix length %s, with a route to the network; the file of lvsmark render keepalived has the address alone (/%d)", length, address.BitLen())
	}
	a := oldconfig.MovedAddress{VIPsOnDevice: oldconfig.VIPsOnDevice{VIPs: config.SingleAddress(address)}, Line: n.Line}
	for rest := n.words[1:]; len(rest) > 0; rest = rest[min(2, len(rest)):] {
		if rest[0] == "dev" && len(rest) > 1 {
			a.Device = rest[1]
			continue
		}
		r.config.AddFinding(n.Line, "%s is not part of a spec: the address is added without", strings.Join(rest[:min(2, len(rest))], " "))
	}
	i.Addresses = append(i.Addresses, a)
}

// movedRoute reads "local NETWORK dev DEVICE scope host table local": the VIPs of a network, as in
// the file of lvsmark render keepalived. The kernel refuses an IPv4 network without the scope
// (fib_create_info of net/ipv4/fib_semantics.c), and keepalived goes on without it.
func (r *reader) movedRoute(i *instance, n *node) {
	route, options, ok := localRoute(n.words)
	if !ok || options["table"] != "local" || options["dev"] == "" {
		r.config.AddFinding(n.Line, "the route %s is not part of a spec: the file of lvsmark render keepalived has none", strings.Join(n.words, " "))
		return
	}
	if route.Addr().Is4() && options["scope"] != "host" {
		r.config.AddFinding(n.Line, "the kernel refuses the local route to %s without scope host, so keepalived does not add these VIPs; the spec has them", route)
	}
	on := oldconfig.VIPsOnDevice{Device: options["dev"], VIPs: config.RangeOfPrefix(route)}
	i.Addresses = append(i.Addresses, oldconfig.MovedAddress{VIPsOnDevice: on, Line: n.Line})
}

// localRoute reads a local route and its options, which are in any order.
func localRoute(words []string) (route netip.Prefix, options map[string]string, ok bool) {
	if len(words)%2 != 0 || len(words) < 2 || words[0] != "local" {
		return route, nil, false
	}
	route, err := netip.ParsePrefix(words[1])
	options = map[string]string{}
	for pair := range slices.Chunk(words[2:], 2) {
		if !slices.Contains([]string{"dev", "table", "scope"}, pair[0]) || options[pair[0]] != "" {
			return route, nil, false
		}
		options[pair[0]] = pair[1]
	}
	return route, options, err == nil
}

// checkTracked: the file of lvsmark render keepalived tracks the devices of all addresses.
func (r *reader) checkTracked(i *instance) {
	for _, t := range i.tracked {
		isOfAddress := slices.ContainsFunc(i.Addresses, func(a oldconfig.MovedAddress) bool { return a.Device == t.words[0] })
		if len(t.words) > 1 || t.words[0] != i.Device && !isOfAddress {
			r.config.AddFinding(t.Line, "track_interface %s is not part of a spec: keepalived tracks the devices of the VIPs", strings.Join(t.words, " "))
		}
	}
}

// syncGroup reads a vrrp_sync_group.
func (r *reader) syncGroup(n *node) {
	var names []string
	for _, s := range n.block {
		switch {
		case r.opaque(s):
		case s.words[0] == "group":
			for _, member := range s.block {
				names = append(names, member.words...)
			}
		default:
			r.config.AddFinding(s.Line, "%s is not part of a spec: the file of lvsmark render keepalived has none", s.words[0])
		}
	}
	r.together = append(r.together, names)
}

// vrrp makes one instance of all: a spec has one. The others must be in a sync group with it,
// and their addresses then move with its own.
func (r *reader) vrrp() {
	if len(r.instances) == 0 {
		return
	}
	main := r.instances[0]
	for _, i := range r.instances[1:] {
		if !r.areTogether(main, i) {
			r.config.AddFinding(i.Line, "vrrp_instance %s and %s move apart; a spec has one instance, whose addresses move together: keep VRRP in keepalived, or make one instance of them", i.name, main.name)
			return
		}
	}
	switch {
	case main.Device == "" || !main.hasID:
		r.config.AddFinding(main.Line, "vrrp_instance %s has no interface or no virtual_router_id", main.name)
	case main.Peers == nil:
		r.config.AddFinding(main.Line, "vrrp_instance %s sends advertisements to a multicast group; a spec has the addresses of the other directors. Write director.vrrp: {device: %s, router-id: %d, priority: %d, peers: [ADDRESS]}, on all directors at once, or keep VRRP in keepalived", main.name, main.Device, main.RouterID, main.Priority)
	case main.isLinkLocal():
		r.config.AddFinding(main.Line, "vrrp_instance %s sends or receives IPv6 advertisements at a link-local address; a spec has other addresses. Give unicast_src_ip and unicast_peer the global or unique local addresses of the directors, on all directors at once, or keep VRRP in keepalived", main.name)
	default:
		r.config.VRRP = &main.VRRP
		r.joinInstances(main)
	}
}

// isLinkLocal reports whether advertisements are sent between link-local addresses: without
// unicast_src_ip keepalived uses that of the interface.
func (i *instance) isLinkLocal() bool {
	return slices.ContainsFunc(append(slices.Clone(i.Peers), i.Source), func(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }) ||
		i.Peers[0].Is6() && !i.Source.IsValid()
}

func (r *reader) areTogether(a, b *instance) bool {
	return slices.ContainsFunc(r.together, func(names []string) bool {
		return slices.Contains(names, a.name) && slices.Contains(names, b.name)
	})
}

func (r *reader) joinInstances(main *instance) {
	for _, i := range r.instances[1:] {
		r.config.AddFinding(i.Line, "the addresses of vrrp_instance %s move with those of %s (vrrp_sync_group): the spec has them in one instance, with router-id %d", i.name, main.name, main.RouterID)
		main.Addresses = append(main.Addresses, i.Addresses...)
	}
}
