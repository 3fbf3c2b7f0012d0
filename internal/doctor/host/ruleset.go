package host

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/firewall"
	"github.com/lvsmark/lvsmark/internal/importer/iptables"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
	"github.com/lvsmark/lvsmark/internal/xtables"
	"github.com/lvsmark/lvsmark/nft"
)

// tries bounds the number of reads if other programs change the ruleset meanwhile.
const tries = 10

// readRuleset reads the rules of other programs.
func readRuleset(spec *config.Spec, tracking firewall.Tracking) (rules Ruleset, err error) {
	conn, err := nft.Dial()
	if err != nil {
		return rules, err
	}
	defer conn.Close()
	err = conn.ReadConsistently(tries, func(uint32) error {
		rules, err = readForeign(conn, spec, tracking)
		return err
	})
	rules.addLegacy()
	return rules, err
}

func readForeign(conn *nft.Conn, spec *config.Spec, tracking firewall.Tracking) (rules Ruleset, err error) {
	tables, err := conn.Foreign()
	if err != nil {
		return rules, err
	}
	tables = slices.DeleteFunc(tables, func(t *nft.Table) bool {
		return t.Name == spec.Director.Table && slices.Contains(nft.Families(), t.Family)
	})
	if rules.Findings, err = firewall.Findings(spec, tables, conn, tracking); err != nil {
		return rules, err
	}
	chains, err := firewall.Chains(tables, conn)
	if err != nil {
		return rules, err
	}
	texts, err := readTexts(conn, tables)
	if err != nil {
		return rules, err
	}
	rules.addChains(chains, texts)
	return rules, nil
}

// A ruleText is a rule of the kernel as nft writes it, and the command that deletes it.
type ruleText struct{ text, delete string }

// readTexts returns the texts of the rules by their place.
func readTexts(conn *nft.Conn, tables []*nft.Table) (map[string]ruleText, error) {
	texts := map[string]ruleText{}
	for _, t := range tables {
		anonymous, err := readAnonymous(conn, t)
		if err != nil {
			return nil, err
		}
		for _, c := range t.Chains {
			number := 0
			for rule, err := range conn.Rules(t, c) {
				if err != nil {
					return nil, err
				}
				number++
				place := fmt.Sprintf("table %s %s, chain %s, rule %d", t.Family, t.Name, c.Name, number)
				texts[place] = ruleText{withSets(rule, anonymous).Text(t.Family), fmt.Sprintf("nft delete rule %s %s %s handle %d", t.Family, t.Name, c.Name, rule.Handle)}
			}
		}
	}
	return texts, nil
}

// maxText is the number of elements of a set up to which the text of a rule has them.
const maxText = 64

// readAnonymous reads the anonymous sets of a table that have few elements, by name.
func readAnonymous(conn *nft.Conn, t *nft.Table) (map[string]*nft.Set, error) {
	heads, err := conn.Sets(t)
	if err != nil {
		return nil, err
	}
	sets := map[string]*nft.Set{}
	for _, head := range heads {
		if !head.IsAnonymous() {
			continue
		}
		var elements []nft.Element
		for e, err := range conn.Elements(t, head) {
			if err != nil {
				return nil, err
			}
			if elements = append(elements, e); len(elements) > maxText {
				break
			}
		}
		if len(elements) <= maxText {
			sets[head.Name] = head.WithElements(elements)
		}
	}
	return sets, nil
}

// withSets returns the rule with its anonymous sets, for its text.
func withSets(r *nft.Rule, anonymous map[string]*nft.Set) *nft.Rule {
	var sets []*nft.Set
	for _, name := range r.SetNames() {
		if s := anonymous[name]; s != nil {
			sets = append(sets, s)
		}
	}
	if len(sets) == 0 {
		return r
	}
	return r.WithSets(sets)
}

// addChains adds rules. A rule of the kernel that is several in the model counts once for
// each of them.
func (r *Ruleset) addChains(c *oldconfig.Config, texts map[string]ruleText) {
	for _, chain := range c.Chains {
		for _, rule := range chain.Rules {
			text := texts[rule.Line.Text]
			r.Rules = append(r.Rules, Rule{Rule: rule, Base: chain.Base, Place: rule.Line.Text, Text: text.text, Delete: text.delete})
		}
	}
}

// addLegacy reads the tables of iptables-legacy with their own program.
func (r *Ruleset) addLegacy() {
	for _, v := range xtables.WithRules() {
		text, err := exec.Command(v.Program + "-save").Output()
		if err != nil {
			r.Legacy = append(r.Legacy, fmt.Sprintf("%s has rules (table %s), and %s-save fails: %v", v.Program, strings.Join(v.Tables, ", "), v.Program, err))
			continue
		}
		r.Rules = append(r.Rules, SavedRules(v.Program, string(text), v.Program)...)
	}
}

// SavedRules returns the rules of iptables-save. program is the one that deletes them; empty:
// they are in the file.
func SavedRules(file, text, program string) (rules []Rule) {
	saved, err := iptables.ReadSave(file, text)
	if err != nil {
		return nil
	}
	for _, chain := range saved.Chains {
		for _, rule := range chain.Rules {
			r := Rule{Rule: rule, Base: chain.Base, Place: file + ":" + strconv.Itoa(rule.Number), Text: rule.Line.Text}
			if program != "" {
				r.Place = fmt.Sprintf("%s, table %s", program, chain.Table)
				r.Delete = fmt.Sprintf("%s -t %s %s", program, chain.Table, strings.Replace(rule.Line.Text, "-A ", "-D ", 1))
			}
			rules = append(rules, r)
		}
	}
	return rules
}
