package peer

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// A pair is a cluster of both directors; nil for the director that does not have it.
type pair struct{ ours, theirs *config.Cluster }

// pairsOf returns the clusters of both directors, those of this director first. Two clusters are
// the same one if they have the same name, or else the same mark in a family: names are for
// output only.
func pairsOf(ours, theirs *config.Spec) (pairs []pair) {
	var rest []*config.Cluster
	for i := range theirs.Clusters {
		rest = append(rest, &theirs.Clusters[i])
	}
	take := func(same func(*config.Cluster) bool) *config.Cluster {
		i := slices.IndexFunc(rest, same)
		if i < 0 {
			return nil
		}
		found := rest[i]
		rest = slices.Delete(rest, i, i+1)
		return found
	}
	for i := range ours.Clusters {
		c := &ours.Clusters[i]
		pairs = append(pairs, pair{c, take(func(other *config.Cluster) bool { return other.Name == c.Name })})
	}
	for i := range pairs {
		if p := &pairs[i]; p.theirs == nil {
			p.theirs = take(func(other *config.Cluster) bool { return sameMark(p.ours, other) })
		}
	}
	for _, c := range rest {
		pairs = append(pairs, pair{nil, c})
	}
	return pairs
}

// both returns the clusters that both directors have.
func both(pairs []pair) []pair {
	return slices.DeleteFunc(slices.Clone(pairs), func(p pair) bool { return p.ours == nil || p.theirs == nil })
}

func sameMark(a, b *config.Cluster) bool {
	return a.Mark == b.Mark && slices.ContainsFunc(config.Families(), func(f config.Family) bool { return a.Serves(f) && b.Serves(f) })
}

// addresses returns sorted text of ranges, the same for each list of the same addresses.
func addresses(list []config.AddressRange) string {
	sorted := slices.SortedFunc(slices.Values(list), config.AddressRange.Compare)
	var merged []config.AddressRange
	for _, r := range sorted {
		if last := len(merged) - 1; last >= 0 && merged[last].Last.Next() == r.First {
			merged[last].Last = r.Last
			continue
		}
		merged = append(merged, r)
	}
	texts := make([]string, len(merged))
	for i, r := range merged {
		texts[i] = r.String()
	}
	return strings.Join(texts, ", ")
}
