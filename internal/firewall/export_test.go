package firewall

import (
	"math"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/nft"
)

// FindingSteps returns the number of steps that Findings takes for IPv4, and its error if
// it may take at most limit steps.
func FindingSteps(spec *config.Spec, tables []*nft.Table, source Source, limit int) (int, error) {
	s, all := partsOf(toVIP, spec, nft.IPv4, Tracking{})
	w := newWalk(newReader(source, s), 0, math.MaxInt)
	w.baseChains(newTables(tables), all)
	if w.err != nil {
		return 0, w.err
	}
	_, err := findings(spec, tables, source, Tracking{}, limit)
	return w.steps, err
}

// FollowAll is Findings without omitting rules whose effect is known.
func FollowAll(spec *config.Spec, tables []*nft.Table, source Source, tracking Tracking) ([]*Finding, error) {
	list := newTables(tables)
	spaces, parts := spacesOf(spec, list, tracking)
	r := newReader(source, spaces...)
	for _, l := range r.loaders {
		l.shared = nil
	}
	return r.findings(list, parts, math.MaxInt)
}
