package verify

import (
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// remembered returns rules that stay and depend on packets that a list has counted, of -m recent or
// -m hashlimit, if a rule that the spec replaces has the same list.
func remembered(kept, replaced []*oldconfig.Chain) (list []oldconfig.Remark) {
	changes := map[string]oldconfig.Line{}
	eachList(replaced, func(r *oldconfig.Rule, name string) { changes[name] = r.Line })
	eachList(kept, func(r *oldconfig.Rule, name string) {
		if by, changed := changes[name]; changed && acts(r) {
			list = append(list, oldconfig.NewRemark(r.Line, "%s, and %s, which the spec replaces, has it too", name, by))
		}
	})
	return list
}

// eachList calls f with the lists that a rule names.
func eachList(chains []*oldconfig.Chain, f func(r *oldconfig.Rule, name string)) {
	for _, c := range chains {
		for _, r := range c.Rules {
			for _, m := range r.Matches {
				if name := listOf(m.Text); m.Field == oldconfig.NotUnderstood && name != "" {
					f(r, name)
				}
			}
		}
	}
}

// listOf returns the list that a match names; "": it has none. Its text is that of the options of
// iptables in full.
func listOf(match string) string {
	words := strings.Fields(match)
	if len(words) < 2 || words[0] != "-m" {
		return ""
	}
	valueOf := func(option, otherwise string) string {
		if i := slices.Index(words, option); i >= 0 && i+1 < len(words) {
			return words[i+1]
		}
		return otherwise
	}
	switch words[1] {
	case "recent":
		return "it depends on the list " + valueOf("--name", "DEFAULT") + " of -m recent"
	case "hashlimit":
		return "it depends on the list " + valueOf("--hashlimit-name", "") + " of -m hashlimit"
	}
	return ""
}
