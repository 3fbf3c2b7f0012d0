package peer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// A property is what the clusters of two directors must have in common, as text.
type property struct {
	text   func(*config.Cluster) string
	reason string
	last   bool // the properties after it say no more if it differs
}

const otherActive = "clients see active data from another address after a fail-over"

// properties are those that neither services nor VIPs and ports show.
func properties() []property {
	return []property{
		{sources, notServed, false},
		{sourceNAT, "real servers see connections from another address, and without a translation they need a route to the clients, after a fail-over", false},
		{translation, otherActive, true},
		{activePorts, otherActive, false},
		{untranslated, otherActive, false},
	}
}

// clusters compares the properties of clusters that both directors have.
func clusters(pairs []pair) (found []Difference) {
	for _, pair := range both(pairs) {
		c, other := pair.ours, pair.theirs
		found = append(found, shards(c, other)...)
		found = append(found, conditions(c, other)...)
		found = append(found, serverNames(c, other)...)
		for _, p := range properties() {
			if a, b := p.text(c), p.text(other); a != b {
				found = append(found, Difference{"cluster " + c.Name, a, b, p.reason})
				if p.last {
					break
				}
			}
		}
	}
	return found
}

// sources returns the client networks.
func sources(c *config.Cluster) string {
	if c.Only == nil || len(c.Only.Sources) == 0 {
		return "all clients"
	}
	var networks []config.AddressRange
	for _, source := range c.Only.Sources {
		networks = append(networks, config.RangeOfPrefix(source))
	}
	return "clients " + addresses(networks)
}

// shards compares the ports of shards that have a real server. The services do not show them.
func shards(ours, theirs *config.Cluster) []Difference {
	if !ours.Sharded() || !theirs.Sharded() {
		return nil
	}
	a, b := ours.FTP.ShardPorts(), theirs.FTP.ShardPorts()
	if !slices.ContainsFunc(ours.RealServers, func(s config.RealServer) bool { return s.Shard < len(b) && a[s.Shard] != b[s.Shard] }) {
		return nil
	}
	text := func(f *config.FTP) string {
		return fmt.Sprintf("passive-shards %d of %s", f.Shards, joined(f.PassivePorts))
	}
	return []Difference{{"cluster " + ours.Name, text(ours.FTP), text(theirs.FTP), "a real server listens in its own shard only, so its data connections reach another one, or none, after a fail-over"}}
}

func sourceNAT(c *config.Cluster) string { return "source-nat " + c.SourceNAT.String() }

func translation(c *config.Cluster) string {
	if c.FTP == nil || c.FTP.Active == nil {
		return ""
	}
	return "active data translated by " + c.FTP.Active.Translate.String()
}

// activePorts returns the source ports of translated active data.
func activePorts(c *config.Cluster) string {
	if !translates(c) {
		return ""
	}
	ports := make([]string, len(c.FTP.Active.Ports))
	for i, port := range c.FTP.Active.Ports {
		ports[i] = fmt.Sprint(port)
	}
	slices.Sort(ports)
	return "active data from port " + strings.Join(ports, ", ")
}

// untranslated returns the real servers whose active data is not translated.
func untranslated(c *config.Cluster) string {
	if !translates(c) {
		return ""
	}
	var outside []string
	for _, s := range config.ServersBy(config.NAT, c.RealServers) {
		if !slices.ContainsFunc(c.FTP.Active.Sources, func(p netip.Prefix) bool { return p.Contains(s.Address) }) {
			outside = append(outside, s.Address.String())
		}
	}
	if outside == nil {
		return "active data of all real servers translated"
	}
	slices.Sort(outside)
	return "active data of " + strings.Join(outside, ", ") + " not translated"
}

func translates(c *config.Cluster) bool {
	return c.FTP != nil && c.FTP.Active != nil && c.FTP.Active.Translate != config.NoTranslation
}
