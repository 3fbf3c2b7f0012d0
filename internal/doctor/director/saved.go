package director

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
	"github.com/lvsmark/lvsmark/internal/importer"
)

// savedFiles are the files of iptables-save in the places of distributions, ufw, and the wiki of
// Debian.
func savedFiles() []string {
	return []string{
		"etc/iptables/rules.v4", "etc/iptables/rules.v6", "etc/sysconfig/iptables", "etc/sysconfig/ip6tables", "etc/iptables/iptables.rules", "etc/iptables/ip6tables.rules",
		"etc/iptables.up.rules", "etc/ip6tables.up.rules", "etc/iptables.rules", "etc/ip6tables.rules",
		"etc/ufw/before.rules", "etc/ufw/before6.rules", "etc/ufw/after.rules", "etc/ufw/after6.rules",
	}
}

// bootScripts returns the files with commands of iptables that run at boot.
func (s *Subject) bootScripts() (files []string) {
	for _, pattern := range []string{"etc/rc.local", "etc/rc.d/rc.local", "etc/network/if-pre-up.d/*", "etc/network/if-up.d/*", "etc/firewalld/direct.xml"} {
		files = append(files, s.Exists(s.Glob(pattern)...)...)
	}
	return files
}

func savedRules(s *Subject) (found []doctor.Finding, err error) {
	for _, l := range s.Lines(append(s.nftFiles(), s.Glob("var/lib/nftables/*.nft")...)...) {
		words := strings.Fields(l.Text)
		if len(words) > 2 && words[0] == "table" && (words[1] == "ip" || words[1] == "ip6") && words[2] == s.Spec.Director.Table {
			found = append(found, doctor.Finding{Text: fmt.Sprintf("%s: the file has lvsmark's table %s %s", l, words[1], words[2]), Command: "remove the table from the file"})
		}
	}
	var rules []host.Rule
	for _, name := range s.Exists(savedFiles()...) {
		rules = append(rules, host.SavedRules("/"+name, s.ReadFile(name), "")...)
	}
	for _, name := range s.bootScripts() {
		more, problem := rulesOf("/"+name, s.ReadFile(name))
		rules, err = append(rules, more...), cmp.Or(err, problem)
	}
	for _, r := range rules {
		if what := s.leftover(r); what != "" {
			found = append(found, doctor.Finding{Text: fmt.Sprintf("%s: %s: %s", r.Place, what, strings.TrimSpace(r.Text)), Command: "remove the line from the file"})
		}
	}
	return found, err
}

// rulesOf returns the rules of a script or of direct.xml, if it has some. The error is the first rule
// that is not understood, such as one with a variable.
func rulesOf(name, text string) (rules []host.Rule, err error) {
	if !strings.Contains(text, "tables") && !strings.Contains(text, "<direct") {
		return nil, nil
	}
	c, err := importer.ReadAll([]importer.File{{Name: name, Text: text}})
	if err != nil {
		return nil, nil // a script of another program
	}
	for _, r := range c.NotUnderstood {
		if strings.Contains(r.Text, "tables ") {
			err = cmp.Or(err, fmt.Errorf("%s:%d: %s", r.File, r.Number, r.Message))
		}
	}
	for _, chain := range c.Chains {
		for _, rule := range chain.Rules {
			rules = append(rules, host.Rule{Rule: rule, Base: chain.Base, Place: rule.Line.File + ":" + strconv.Itoa(rule.Number), Text: rule.Line.Text})
		}
	}
	return rules, err
}
