// Package peer compares the specs of two directors that share VIPs: what must be equal so that
// one can take over the connections of the other.
package peer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A Difference is one object that the directors have in different forms.
type Difference struct {
	Object string `json:"object"` // "cluster ftp", "service fwmark 21 IPv4", "director.sync"
	Ours   string `json:"ours"`   // empty: only the peer has it
	Peer   string `json:"peer"`   // empty: only this director has it
	Reason string `json:"reason"` // what breaks
}

// String returns the difference on one line.
func (d Difference) String() string {
	return fmt.Sprintf("%s: %s here, %s on the peer: %s", d.Object, orNone(d.Ours), orNone(d.Peer), d.Reason)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// What a difference breaks.
const (
	lostMark    = "synchronized connections and persistence templates have the mark: without a service of the same mark they have no real server there"
	otherServer = "a client may get another real server after a fail-over"
	otherName   = "commands that name the cluster, such as drain, need another name on the peer"
	notServed   = "these packets are served by one director only"
)

// Compare returns the differences between the specs of this director and of its peer that
// matter when one takes over from the other.
func Compare(ours, theirs *config.Spec) []Difference {
	pairs := pairsOf(ours, theirs)
	found := append(renamed(pairs), renumbered(pairs)...)
	found = append(found, services(bound(ours), bound(theirs))...)
	found = append(found, orders(split(ipvs.Text(bound(ours))), split(ipvs.Text(bound(theirs))))...)
	found = append(found, packets(pairs)...)
	found = append(found, clusters(pairs)...)
	found = append(found, vipDevices(ours, theirs, pairs)...)
	found = append(found, timeouts(ours.Director.Timeouts, theirs.Director.Timeouts)...)
	found = append(found, directors(&ours.Director, &theirs.Director)...)
	return append(found, advertisedVIPs(ours, theirs)...)
}

// bound returns the services of the spec, also if keepalived owns them.
func bound(spec *config.Spec) []ipvs.VirtualService {
	copied := *spec
	copied.Director.Bind = true
	return ipvs.Compile(&copied)
}

// renamed returns the clusters with the same mark and another name.
func renamed(pairs []pair) (found []Difference) {
	for _, p := range both(pairs) {
		if a, b := p.ours.Name, p.theirs.Name; a != b {
			found = append(found, Difference{"cluster " + a, "name " + a, "name " + b, otherName})
		}
	}
	return found
}

// renumbered returns the clusters with the same name and another mark.
func renumbered(pairs []pair) (found []Difference) {
	for _, p := range both(pairs) {
		if a, b := p.ours.Mark, p.theirs.Mark; a != b {
			found = append(found, Difference{"cluster " + p.ours.Name, fmt.Sprintf("mark %d", a), fmt.Sprintf("mark %d", b), lostMark})
		}
	}
	return found
}

// services compares the services by mark and family.
func services(ours, theirs []ipvs.VirtualService) (found []Difference) {
	for _, c := range ipvs.Diff(ours, theirs) {
		d := Difference{c.Object(), c.BeforeText(), c.AfterText(), otherServer}
		switch {
		case c.Op == ipvs.AddService || c.Op == ipvs.DelService:
			d.Reason = lostMark
		case c.Op == ipvs.EditService && c.Service.Timeout != c.Previous.Timeout:
			d.Reason = "persistence differs, so " + otherServer
		case c.Op == ipvs.AddDestination || c.Op == ipvs.DelDestination:
			if other := serviceOf(theirs, c.Service.Key); other == nil || serviceOf(ours, c.Service.Key) == nil {
				continue // the service is a difference already
			}
			d.Reason = "connections of this real server are dropped where it is unknown"
		case c.Op == ipvs.EditDestination && (c.Before.Forwarding != c.After.Forwarding || c.Before.Tunnel != c.After.Tunnel):
			d.Reason = "the real server gets packets in another form after a fail-over"
		}
		found = append(found, d)
	}
	return found
}

func serviceOf(list []ipvs.VirtualService, key ipvs.Key) *ipvs.VirtualService {
	i := slices.IndexFunc(list, func(s ipvs.VirtualService) bool { return s.Key == key })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// packets compares the VIPs and ports of clusters.
func packets(pairs []pair) (found []Difference) {
	for _, p := range pairs {
		switch {
		case p.theirs == nil:
			found = append(found, Difference{"cluster " + p.ours.Name, vipText(p.ours), "", notServed})
			continue
		case p.ours == nil:
			found = append(found, Difference{"cluster " + p.theirs.Name, "", vipText(p.theirs), notServed})
			continue
		}
		for _, text := range []func(*config.Cluster) string{vipText, portText} {
			if a, b := text(p.ours), text(p.theirs); a != b {
				found = append(found, Difference{"cluster " + p.ours.Name, a, b, notServed})
			}
		}
	}
	return found
}

func vipText(c *config.Cluster) string { return "VIPs " + addresses(c.VIPs) }

// portText returns the marked ports. Of a cluster with shards these are the ports of control
// connections: shards compares those of data connections, which have a mark only in a shard that
// has a real server.
func portText(c *config.Cluster) string {
	if c.Sharded() {
		return "ports " + joined(c.Bindings(c.VIPs[0].Family())[0].Ports) + " and shards"
	}
	return "ports " + joined(c.MarkedPorts())
}

// joined returns a list as sorted text.
func joined[T fmt.Stringer](list []T) string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = item.String()
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}
