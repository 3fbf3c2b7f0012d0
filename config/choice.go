package config

import (
	"slices"

	"go.yaml.in/yaml/v4"
)

// choice decodes one of the known words and returns its index.
func (d *decoder) choice(n *yaml.Node, what string, known []string) (int, bool) {
	if d.describes(Shape{Kind: ShapeText, Choices: known}) {
		return 0, true
	}
	text, ok := d.text(n, what)
	if !ok {
		return 0, false
	}
	index := slices.Index(known, text)
	if index < 0 {
		d.fail(n, "unknown %s %s%s", what, quote(text), suggest(text, "known", known))
	}
	return index, index >= 0
}

// Schedulers returns the names of the IPVS schedulers, see ipvsadm(8).
func Schedulers() []string {
	return []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos"}
}

func (d *decoder) scheduler(n *yaml.Node, what string) (string, bool) {
	index, ok := d.choice(n, what, Schedulers())
	if !ok {
		return "", false
	}
	return Schedulers()[index], true
}

// schedulerFlags returns the flags of the schedulers sh and mh, see ipvsadm(8).
func schedulerFlags() []string {
	return []string{"sh-port", "sh-fallback", "mh-port", "mh-fallback"}
}

func (d *decoder) schedulerFlag(n *yaml.Node, _ string) (string, bool) {
	index, ok := d.choice(n, "scheduler flag", schedulerFlags())
	if !ok {
		return "", false
	}
	return schedulerFlags()[index], true
}

func (d *decoder) tunnelType(n *yaml.Node, what string) (TunnelType, bool) {
	index, ok := d.choice(n, "tunnel "+what, []string{IPIP.String(), GUE.String(), GRE.String()})
	return TunnelType(index), ok
}

func (d *decoder) tunnelChecksum(n *yaml.Node, what string) (TunnelChecksum, bool) {
	index, ok := d.choice(n, "tunnel "+what, []string{NoChecksum.String(), Checksum.String(), RemoteChecksum.String()})
	return TunnelChecksum(index), ok
}

func (d *decoder) forwarding(n *yaml.Node, what string) (Forwarding, bool) {
	index, ok := d.choice(n, what, []string{NAT.String(), Direct.String(), Tunnel.String()})
	return Forwarding(index), ok
}

func (d *decoder) markedPackets(n *yaml.Node, what string) (MarkedPackets, bool) {
	index, ok := d.choice(n, what, []string{EveryPacket.String(), FirstPacket.String()})
	return MarkedPackets(index), ok
}

func (d *decoder) sourceNAT(n *yaml.Node, what string) (SourceNAT, bool) {
	index, ok := d.choice(n, what, []string{NoSourceNAT.String(), SourceNATMasquerade.String(), SourceNATToVIP.String()})
	return SourceNAT(index), ok
}

func (d *decoder) translation(n *yaml.Node, what string) (Translation, bool) {
	index, ok := d.choice(n, what, []string{Masquerade.String(), SNAT.String(), NoTranslation.String()})
	return Translation(index), ok
}
