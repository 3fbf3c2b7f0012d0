package impact

import (
	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
	"github.com/lvsmark/lvsmark/nft"
)

// translations returns the rules of a family that change the source address of active
// data connections.
func translations(r *nft.Ruleset, family nft.Family) []nft.TranslationRule {
	var list []nft.TranslationRule
	for _, t := range r.Tables {
		for _, c := range natChains(t, family) {
			for _, rule := range c.Rules {
				if translation, ok := t.TranslationRule(rule); ok {
					list = append(list, translation)
				}
			}
		}
	}
	return list
}

// natChains returns the chains of the table that make the kernel translate addresses of
// the family.
func natChains(t *nft.Table, family nft.Family) []*nft.Chain {
	if t.Family != family || t.IsDormant() {
		return nil
	}
	return t.NATChains()
}

func sourcesOf(t nft.TranslationRule) []sourceRange {
	var list []sourceRange
	for _, addresses := range t.Sources.AddressRanges() {
		list = append(list, sourceRange{t.Port, addresses})
	}
	return list
}

// A natEnd is the deletion of lvsmark's last nat chain of a family.
type natEnd struct {
	family   config.Family
	sources  []sourceRange     // of the translated connections
	services map[ipvs.Key]bool // with translated connections
}

// specFamily returns the spec's name of an address family.
func specFamily(f nft.Family) config.Family {
	if f == nft.IPv4 {
		return config.IPv4
	}
	return config.IPv6
}

// translated returns the number of established connections that the kernel translates for
// lvsmark.
func (n *natEnd) translated(connections Connections) (int, error) {
	sources, err := connections.Translated(n.family)
	if err != nil {
		return 0, err
	}
	index, count := indexSources(n.sources), 0
	for _, source := range sources {
		address := source.Addr()
		if index.holds(sourceRange{source.Port(), nft.AddressRange{First: address, Last: address}}) {
			count++
		}
	}
	return count, nil
}
