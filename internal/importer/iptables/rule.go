package iptables

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// maxAlternatives limits the rules that one line becomes.
const maxAlternatives = 4096

// A parser reads the words of one rule. Each line becomes the product of its factors.
type parser struct {
	family    oldconfig.Family
	sets      *compiler // nil: sets are not resolved
	words     []Word
	not       bool   // ! was read before the option
	attached  string // the option with its value, if they are one word
	modules   []*module
	factors   [][]conjunct
	owners    []string // of each factor: the module, or "" for an option of iptables itself
	owner     string
	given     []string // options of iptables itself
	refused   bool     // iptables refuses the rule
	several   bool     // an option has several addresses
	pick      pick     // which of them the rule has
	counts    pick     // how many -s and -d have
	negated   string   // the last option with addresses and !
	extraWord bool     // a word is the value of no option

	protocol uint64
	target   *module
	jump     bool // -g is not
	unknown  []string
	reason   string // why the option is not understood, where there is more to say
	skip     bool   // the rule is for the other family
}

// A conjunct is a list of matches that must all hold. The conjuncts of one factor are
// alternatives: iptables makes a rule of each, or no packet fulfils two of them.
type conjunct []oldconfig.Match

// A module is a match or a target of the rule, with its options.
type module struct {
	name    string
	opaque  bool // a match whose meaning is not known
	broken  bool // the value of an option is missing
	options []option
}

type option struct {
	name   string
	values []string
	not    bool
}

// get returns the first value of an option.
func (m *module) get(name string) (value string, found bool) {
	for _, o := range m.options {
		if o.name == name {
			return strings.Join(o.values, " "), true
		}
	}
	return "", false
}

func (m *module) String() string {
	var text strings.Builder
	text.WriteString("-m " + m.name)
	for _, o := range m.options {
		text.WriteString(" " + o.String())
	}
	return text.String()
}

func (o option) String() string {
	text := "--" + o.name
	if o.not {
		text = "! " + text
	}
	return strings.TrimSpace(text + " " + joinWords(Words(o.values...)))
}

// A pick is a place in the addresses of -s, and one in those of -d, by field, from 1; 0: all of them.
type pick [oldconfig.Destination + 1]int

// parseRule reads the words of a rule without the command and the chain. sets may be nil.
func parseRule(family oldconfig.Family, words []Word, of pick, sets *compiler) *parser {
	p := &parser{family: family, words: words, pick: of, sets: sets}
	for len(p.words) > 0 {
		w := p.words[0]
		p.words = p.words[1:]
		switch {
		case w.Quoted || !strings.HasPrefix(w.Text, "-") && w.Text != "!":
			p.extraWord = true
			p.misunderstood(cmp.Or(w.Text, `""`))
		case w.Text == "!" && !p.not && len(p.words) > 0:
			p.not = true
			continue
		case w.Text == "!":
			p.misunderstood("!")
			p.refused = true
		case strings.HasPrefix(w.Text, "--"):
			p.longOption(w.Text[2:])
		default:
			p.shortOption(w.Text[1:])
		}
		p.not, p.attached = false, ""
	}
	p.checkOptions()
	p.splitConntrack()
	p.addOpaque()
	return p
}

// addOpaque adds a match that nobody understands for each unknown module, and for what
// else is unknown.
func (p *parser) addOpaque() {
	for _, m := range slices.Backward(p.modules) {
		if m.opaque && m != p.target {
			p.misunderstood(m.String())
		}
	}
	for _, text := range p.unknown {
		p.add(oldconfig.Match{Field: oldconfig.NotUnderstood, Text: text, Reads: readsOf(text)})
	}
}

func (p *parser) misunderstood(text string) {
	if p.reason != "" {
		text += " (" + p.reason + ")"
		p.reason = ""
	}
	p.unknown = append(p.unknown, text)
}

// add adds tests that every packet of the rule must fulfil. It returns true.
func (p *parser) add(matches ...oldconfig.Match) bool {
	return p.addAlternatives([]conjunct{matches})
}

// addAlternatives adds alternatives. It returns false, and adds nothing, if the line would
// become too many rules.
func (p *parser) addAlternatives(alternatives []conjunct) bool {
	count := len(alternatives)
	for _, f := range p.factors {
		count *= len(f)
	}
	if count > maxAlternatives {
		p.reason = "the line becomes more than " + decimal(maxAlternatives) + " rules"
		return false
	}
	p.factors = append(p.factors, alternatives)
	p.owners = append(p.owners, p.owner)
	return true
}

// product returns the matches of each rule that the line becomes.
func (p *parser) product() []conjunct {
	rules := []conjunct{nil}
	for _, f := range p.factors {
		if len(f) == 1 { // most have one
			for i := range rules {
				rules[i] = append(rules[i], f[0]...)
			}
			continue
		}
		var longer []conjunct
		for _, r := range rules {
			for _, c := range f {
				longer = append(longer, slices.Concat(r, c))
			}
		}
		rules = longer
	}
	return rules
}

// take removes the values of an option. In old syntax, ! may stand before the value.
func (p *parser) take(count int) (values []string, ok bool) {
	if count > 0 && len(p.words) > 0 && !p.words[0].Quoted && p.words[0].Text == "!" {
		p.not = !p.not
		p.words = p.words[1:]
		p.checkNot()
	}
	if len(p.words) < count {
		p.words = nil
		return nil, false
	}
	for _, w := range p.words[:count] {
		values = append(values, w.Text)
	}
	p.words = p.words[count:]
	return values, true
}

// shortOption reads an option of one letter; its value may be attached.
func (p *parser) shortOption(text string) {
	if text == "" {
		p.misunderstood("-")
		return
	}
	name, attached := shortOptions(text[0]), text[1:]
	if name == "" {
		p.misunderstood("-" + text)
		return
	}
	_, count, _ := findOption(generalOptions, name, false)
	if attached != "" {
		if count == 0 {
			p.misunderstood("-" + text)
			return
		}
		p.words = slices.Concat(Words(attached), p.words)
		p.attached = "-" + text
	}
	p.general(name, count)
}

// shortOptions returns the long name of an option.
func shortOptions(letter byte) string {
	switch letter {
	case 'p':
		return "protocol"
	case 's':
		return "source"
	case 'd':
		return "destination"
	case 'i':
		return "in-interface"
	case 'o':
		return "out-interface"
	case 'f':
		return "fragment"
	case 'm':
		return "match"
	case 'j':
		return "jump"
	case 'g':
		return "goto"
	case '4':
		return "ipv4"
	case '6':
		return "ipv6"
	case 'c':
		return "set-counters"
	}
	return ""
}

// longOption reads --NAME, --NAME=VALUE or an abbreviation of NAME.
func (p *parser) longOption(text string) {
	name, attached, isAttached := strings.Cut(text, "=")
	if isAttached {
		p.words = slices.Concat([]Word{{Text: attached, Quoted: true}}, p.words)
		p.attached = "--" + text
	}
	if p.knownOption(name) {
		return
	}
	if m := p.protocolModule(); m != nil {
		p.modules = slices.Concat([]*module{m}, p.modules)
		if p.knownOption(name) {
			return
		}
		p.modules = p.modules[1:]
	}
	p.unknownOption(name, isAttached)
}

// protocolModule returns the module of the protocol, or nil if there is none or it is loaded.
// iptables loads it for an option that is of no other module: -p TCP makes the options of TCP
// known without -m tcp, and -p tcp -m multiport --dport is short for --dports.
func (p *parser) protocolModule() *module {
	name := moduleOf(p.protocol)
	if name == "" || slices.ContainsFunc(p.modules, func(m *module) bool { return m.name == name }) {
		return nil
	}
	_, known := optionsOf(name)
	return &module{name: name, opaque: !known || opaqueOptions(name) != ""}
}

// unknownOption gives an option to the newest module that lvsmark does not know. Its
// values end before the next option.
func (p *parser) unknownOption(name string, attached bool) {
	o := option{name: name, not: p.not}
	for len(p.words) > 0 && (p.words[0].Quoted || p.words[0].Text != "!" && !strings.HasPrefix(p.words[0].Text, "-")) {
		o.values = append(o.values, p.words[0].Text)
		p.words = p.words[1:]
		if attached {
			break
		}
	}
	for _, m := range slices.Backward(p.modules) {
		if _, known := optionsOf(m.name); !known {
			m.options = append(m.options, o)
			return
		}
	}
	p.misunderstood(o.String())
}

// moduleOption reads an option of a match or target.
func (p *parser) moduleOption(m *module, name string, count int) {
	values, ok := p.take(count)
	o := option{name: name, values: values, not: p.not}
	m.options = append(m.options, o)
	m.broken = m.broken || !ok
	if m == p.target || m.opaque {
		return
	}
	p.owner = m.name
	defer func() { p.owner = "" }()
	if !ok || !p.match(m, o) {
		p.misunderstood(strings.TrimSpace("-m " + m.name + " " + o.String()))
	}
}
