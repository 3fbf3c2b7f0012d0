package nft

import (
	"slices"

	"golang.org/x/sys/unix"
)

// A table of lvsmark has no comment if nft has listed it as JSON and loaded it again:
// `nft -j -f` does not restore comments (nft before 1.1.3; later versions only lose those of
// sets). Such a table looks like one of another program.

// Adopt makes the tables part of each Snapshot, although they lack lvsmark's comment. It
// replaces the tables of an earlier call. Tables that do not exist are ignored.
func (c *Conn) Adopt(tables ...TableName) { c.adopted = slices.Clone(tables) }

// Unmarked returns the tables without lvsmark's comment whose content has the form of
// lvsmark's tables.
func (c *Conn) Unmarked() (unmarked []*Table, err error) {
	err = c.ReadConsistently(snapshotTries, func(uint32) error {
		unmarked, err = c.readUnmarked()
		return err
	})
	return unmarked, err
}

func (c *Conn) readUnmarked() (unmarked []*Table, err error) {
	for _, family := range Families() {
		tables, err := c.readTables(family)
		if err != nil {
			return nil, err
		}
		for _, t := range tables {
			if t.Owned() || t.isLock() {
				continue
			}
			// The sets come first: tables of other programs can have many elements and rules.
			sets, err := c.Sets(t)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(sets, (*Set).hasVIPs) {
				continue
			}
			if err := c.readContents(t); err != nil {
				return nil, readError(t.String(), err)
			}
			if t.HasOwnForm() {
				unmarked = append(unmarked, t)
			}
		}
	}
	return unmarked, nil
}

// HasOwnForm reports whether the table consists only of chains, rules and sets of the kinds
// that Compile creates, and marks packets.
func (t *Table) HasOwnForm() bool {
	marks := false
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			kind := t.ownKind(r)
			if kind == noRule || r.Comment != "" && !t.IsAnswerRule(r) {
				return false
			}
			marks = marks || kind == markRule
		}
	}
	return marks && len(t.Unmanaged) == 0 && !slices.ContainsFunc(t.Sets, (*Set).isForeign) && !slices.ContainsFunc(t.Chains, (*Chain).isForeign)
}

// An ownKind is the kind of one of lvsmark's rules.
type ownKind int

const (
	noRule ownKind = iota // another rule
	markRule
	otherRule
)

func (t *Table) ownKind(r *Rule) ownKind {
	if _, ok := t.MarkRule(r); ok {
		return markRule
	}
	if _, ok := t.PortMarkRule(r); ok {
		return markRule
	}
	_, goes := t.GotoRule(r)
	_, protocol := t.ProtocolRule(r)
	_, ofClients := t.SourceNATRule(r)
	_, first := t.FirstPacketRule(r)
	if _, translates := t.TranslationRule(r); goes || protocol || translates || ofClients || first || t.IsAnswerRule(r) {
		return otherRule
	}
	return noRule
}

// isForeign reports whether Compile does not create such a set.
func (s *Set) isForeign() bool {
	isAddress := s.KeyType == typeIPv4 || s.KeyType == typeIPv6
	switch {
	case s.Flags&(unix.NFT_SET_EVAL|unix.NFT_SET_TIMEOUT) != 0, len(s.rest) > 0:
		return true
	case isLedgerSet(s.Name):
		return s.KeyType != typeMark || s.isMap()
	case s.isMap():
		return !s.hasVIPs() && !s.isPortMap() && s.DataType != s.KeyType
	}
	return !isAddress && s.KeyType != typeMark && s.KeyType != typeIfname && s.KeyType != typeEther
}

// isForeign reports whether Compile does not create such a chain.
func (c *Chain) isForeign() bool {
	switch c.Type {
	case "":
		return len(c.rest) > 0
	case "filter":
		return !c.setsMarks() || c.Drops() || c.Flags != 0
	case "nat":
		return c.Hook != HookPostrouting || c.Drops() || c.Flags != 0
	}
	return true
}

// MatchesExceptRecords reports whether the tables do the same to every packet, with the same
// objects: they are equal except for comments, byte orders in userdata, the form of rules
// with the same meaning, and the ledger.
func (t *Table) MatchesExceptRecords(other *Table) bool {
	return t.TableName() == other.TableName() &&
		Compare(&Ruleset{Tables: []*Table{t.withoutRecords()}}, &Ruleset{Tables: []*Table{other.withoutRecords()}}).Empty()
}

func (t *Table) withoutRecords() *Table {
	bare := *t
	bare.Comment, bare.Sets, bare.Chains = "", nil, nil
	for _, s := range t.Sets {
		if isLedgerSet(s.Name) && !s.isForeign() {
			continue
		}
		set := *s
		set.Comment, set.KeyHost, set.DataHost = "", false, false
		bare.Sets = append(bare.Sets, &set)
	}
	for _, c := range t.Chains {
		chain := *c
		chain.Comment, chain.Rules = "", nil
		for _, r := range c.Rules {
			rule := *r
			rule.Comment = ""
			chain.Rules = append(chain.Rules, &rule)
		}
		bare.Chains = append(bare.Chains, &chain)
	}
	return &bare
}
