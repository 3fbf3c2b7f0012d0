package config

import (
	"net"
	"net/netip"

	"go.yaml.in/yaml/v4"
)

// Only selects the packets of a cluster that get its mark. A packet must meet each
// condition that is not empty.
type Only struct {
	Sources    []netip.Prefix // client networks; masked, without overlaps, of the families of the cluster
	Devices    []string       // devices by which packets come in
	ExceptMACs []MAC          // never packets from these Ethernet senders
}

// A MAC is the address of an Ethernet device, in the order of the wire.
type MAC [6]byte

// String returns text like 02:00:00:00:00:02.
func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// SourcesOf returns the client networks of one family, in the order of the file. It returns
// nil for a nil Only.
func (o *Only) SourcesOf(f Family) []netip.Prefix {
	if o == nil {
		return nil
	}
	var sources []netip.Prefix
	for _, source := range o.Sources {
		if FamilyOf(source.Addr()) == f {
			sources = append(sources, source)
		}
	}
	return sources
}

type fileOnly struct {
	sources field[[]item[netip.Prefix]]
	devices field[[]item[string]]
	macs    field[[]item[MAC]]
}

var onlyKeys = []key[fileOnly]{
	{"sources", set(func(o *fileOnly) *field[[]item[netip.Prefix]] { return &o.sources }, list("client network", (*decoder).clients))},
	{"devices", set(func(o *fileOnly) *field[[]item[string]] { return &o.devices }, list("device", (*decoder).inputDevice))},
	{"except-macs", set(func(o *fileOnly) *field[[]item[MAC]] { return &o.macs }, list("Ethernet address", (*decoder).mac))},
}

func (d *decoder) only(n *yaml.Node, what string) (fileOnly, bool) {
	var o fileOnly
	if isNull(n) || n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		d.fail(n, "only has no condition; give sources, devices or except-macs, or remove it")
		return o, false
	}
	return o, mapping(d, n, what, onlyKeys, &o)
}

func (o *fileOnly) only() *Only {
	return &Only{Sources: values(o.sources.value), Devices: values(o.devices.value), ExceptMACs: values(o.macs.value)}
}

// clients decodes the network or the address of clients.
func (d *decoder) clients(n *yaml.Node, what string) (netip.Prefix, bool) {
	return d.network(n, what, "the clients")
}

// inputDevice decodes the name of a device. Patterns are refused: nft lists and loads them
// in sets only since version 1.0.3.
func (d *decoder) inputDevice(n *yaml.Node, what string) (string, bool) {
	name, ok := d.device(n, what)
	if ok && name[len(name)-1] == '*' {
		d.fail(n, "device %s is a pattern; give the whole name of each device", quote(name))
		return "", false
	}
	return name, ok
}

// mac decodes an Ethernet address that a packet can have as its sender.
func (d *decoder) mac(n *yaml.Node, what string) (MAC, bool) {
	if d.describesWord(`^[0-9A-Fa-f][02468ACEace]([:-][0-9A-Fa-f]{2}){5}$`, 0) {
		return MAC{}, false
	}
	text, ok := d.text(n, what)
	if !ok {
		return MAC{}, false
	}
	address, err := net.ParseMAC(text)
	switch {
	case err != nil || len(address) != len(MAC{}) || len(text) != 17:
		d.fail(n, "%s %s is not one; write it like \"02:00:00:00:00:02\", as `ip link` shows it", what, quote(text))
	case address[0]&1 != 0:
		d.fail(n, "%s %s is a group address, which no packet has as its sender; give the address of a device", what, address)
	case MAC(address) == MAC{}:
		d.fail(n, "%s %s is no sender's; give the address of a device", what, address)
	default:
		return MAC(address), true
	}
	return MAC{}, false
}
