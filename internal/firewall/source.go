package firewall

import (
	"iter"

	"github.com/lvsmark/lvsmark/nft"
)

// A Source reads the contents of tables. This package reads only what packets can reach,
// because there may be many rules and elements, and makes no other call during an iteration.
type Source interface {
	Sets(*nft.Table) ([]*nft.Set, error) // includes anonymous sets
	Rules(*nft.Table, *nft.Chain) iter.Seq2[*nft.Rule, error]
	Elements(*nft.Table, *nft.Set) iter.Seq2[nft.Element, error]
	Helpers(*nft.Table) (map[string]string, error) // of connection tracking, by the name of the object
}

var _ Source = (*nft.Conn)(nil)

// inMemory is the Source of complete tables.
type inMemory struct{}

func (inMemory) Sets(t *nft.Table) ([]*nft.Set, error) { return t.Sets, nil }

func (inMemory) Helpers(t *nft.Table) (map[string]string, error) { return t.Helpers(), nil }

func (inMemory) Rules(_ *nft.Table, c *nft.Chain) iter.Seq2[*nft.Rule, error] { return each(c.Rules) }

func (inMemory) Elements(_ *nft.Table, s *nft.Set) iter.Seq2[nft.Element, error] {
	return each(s.Elements)
}

func each[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range list {
			if !yield(item, nil) {
				return
			}
		}
	}
}
