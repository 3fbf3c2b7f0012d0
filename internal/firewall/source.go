package firewall

import (
	"iter"

	"github.com/lvsmark/lvsmark/nft"
)

// A Source has what is in tables. It is asked for what packets meet, and for nothing
// else: there may be many rules and elements. While it lists something, it is not asked
// for anything else.
type Source interface {
	Sets(*nft.Table) ([]*nft.Set, error) // anonymous ones too
	Rules(*nft.Table, *nft.Chain) iter.Seq2[*nft.Rule, error]
	Elements(*nft.Table, *nft.Set) iter.Seq2[nft.Element, error]
}

var _ Source = (*nft.Conn)(nil)

// whole is the Source of tables that have all that is in them.
type whole struct{}

func (whole) Sets(t *nft.Table) ([]*nft.Set, error) { return t.Sets, nil }

func (whole) Rules(_ *nft.Table, c *nft.Chain) iter.Seq2[*nft.Rule, error] { return each(c.Rules) }

func (whole) Elements(_ *nft.Table, s *nft.Set) iter.Seq2[nft.Element, error] {
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
