package dataplane

import (
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/bench/measure"
)

// The peers of this file are lvsmark with further keys of the spec.
const (
	lvsmarkOnly   peer = "lvsmark, only"        // client networks
	lvsmarkKeep   peer = "lvsmark, keep-marks"  // the marks are set twice
	lvsmarkActive peer = "lvsmark, active data" // its translation needs connection tracking
	lvsmarkSource peer = "lvsmark, source-nat"  // so does that of connections to real servers
)

// withKeys returns the spec of a site with the keys of a peer; false if the peer has none.
func (p peer) withKeys(spec string) (string, bool) {
	edits := map[peer][2]string{
		lvsmarkFirst:  {"bind: false", "bind: false, marks: first-packet"},
		lvsmarkOnly:   {"forwarding: nat", "forwarding: nat, only: {sources: [192.0.2.0/24, 203.0.113.0/24]}"},
		lvsmarkKeep:   {"bind: false", "bind: false, keep-marks: true"},
		lvsmarkActive: {"translate: none", "translate: masquerade"},
		lvsmarkSource: {"forwarding: nat", "forwarding: nat, source-nat: masquerade"},
	}
	edit, ok := edits[p]
	return strings.ReplaceAll(spec, edit[0], edit[1]), ok
}

// marks commits the ruleset of the peer's spec. The settings of source-nat need IPVS, and
// are left out.
func (d *director) marks(p peer) error {
	text, _ := p.withKeys(d.site.spec())
	spec, _, err := config.Parse("spec.yaml", strings.NewReader(text))
	if err != nil {
		return err
	}
	return d.Commit(spec)
}

// keys returns the figures of further keys, for a packet that gets a mark. Packets pass the
// input hook for keep-marks. Those of source-nat are dropped before they are translated:
// compared is what each packet pays, and the translation of active data has the same price.
func (z sizes) keys() []comparison {
	var all []comparison
	for _, c := range []cell{{lvsmark, z.fewest(), toLast}, {lvsmark, z.most(), toRandom}} {
		input := c.at(c.site.upToInput())
		all = append(
			all,
			comparison{name: c.where() + ": with only, of two client networks, to without", of: c.by(lvsmarkOnly), to: c},
			comparison{name: c.where() + ": with keep-marks to without", of: input.by(lvsmarkKeep), to: input, bar: measure.AtMost(2.5)},
			comparison{name: c.where() + ": with source-nat to with active data", of: c.by(lvsmarkSource), to: c.by(lvsmarkActive), bar: measure.AtMost(1.1)},
		)
	}
	return all
}

// upToInput returns the site whose director drops packets in the input hook.
func (s site) upToInput() site {
	s.input = true
	return s
}
