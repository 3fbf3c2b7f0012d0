package impact

import "github.com/lvsmark/lvsmark/nft"

// A consequence is what one change of nftables does to packets. The zero value says
// that it does nothing.
type consequence struct {
	markChanges  []markChange // marks that packets lose, or get instead of others
	untranslated bool         // some active data connections keep their source address
	natEnd       *natEnd      // nil: the kernel goes on to translate
}

// consequences are those of a list of changes.
type consequences struct {
	changes []nft.Change
	found   []*consequence // for each change; nil: the zero value
	kinds   []ruleKind     // for each change
}

func findConsequences(changes []nft.Change, before, after *nft.Ruleset) *consequences {
	c := &consequences{changes: changes, found: make([]*consequence, len(changes)), kinds: make([]ruleKind, len(changes))}
	for i := range changes {
		if o := changes[i].Before; changes[i].Op == nft.Delete && o.Rule != nil {
			c.kinds[i] = kindOf(o.Table, o.Rule)
		}
	}
	c.findMarkChanges(before, after)
	c.findUntranslated(before, after)
	c.findEndOfNAT(before, after)
	return c
}

// at is the consequence of a change, to be filled in.
func (c *consequences) at(i int) *consequence {
	if c.found[i] == nil {
		c.found[i] = &consequence{}
	}
	return c.found[i]
}

// of is the consequence of a change.
func (c *consequences) of(i int) consequence {
	if c.found[i] == nil {
		return consequence{}
	}
	return *c.found[i]
}
