package director

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/doctor"
	"github.com/lvsmark/lvsmark/internal/doctor/host"
)

// unitName is the unit of packaging/systemd.
const unitName = "lvsmark.service"

var errNoSystemd = errors.New("the machine has no /etc/systemd/system")

func bootChecks() []check {
	return []check{
		{
			Name: "unit", Summary: "lvsmark.service is installed, enabled, and ordered after the firewall",
			Why: "after the next boot, or a restart of the firewall, nothing applies the spec: packets have no marks", Run: unit,
		},
		{
			Name: "flush-ruleset", Summary: "a `flush ruleset` in the files of nftables.service, and whether the spec is applied after it",
			Why: "it deletes lvsmark's tables: packets have no marks until the next apply", Run: flushRuleset,
		},
		{
			Name: "saved-rules", Summary: "saved rulesets that are loaded at boot and have lvsmark's tables or rules of the old recipe",
			Why: "the boot brings back old marks: packets go to another service than the spec says", Run: savedRules,
		},
		{
			Name: "managers", Summary: "keepalived, ipvsadm.service, ldirectord, Piranha: another program with the same services",
			Why: "both programs change the same services: each one reverts the changes of the other", Run: managers,
		},
	}
}

func unit(s *Subject) ([]doctor.Finding, error) {
	if !s.HasSystemd() {
		return nil, errNoSystemd
	}
	text := s.Unit(unitName)
	switch {
	case s.Masked(unitName):
		return one(unitName+" is masked", s.enable()), nil
	case text == "":
		return one(unitName+" is not installed", s.enable()), nil
	case !s.Enabled(unitName):
		return one(unitName+" is not enabled", s.enable()), nil
	}
	for _, firewall := range []string{"nftables.service", "firewalld.service", "netfilter-persistent.service", "ufw.service", "iptables.service"} {
		if s.Enabled(firewall) && !orderedAfter(text, firewall) && !orderedAfter(text, "network-pre.target") {
			return one(unitName+" is not ordered after "+firewall+", which may replace the ruleset afterwards", dropIn("order", "After="+firewall)), nil
		}
	}
	return nil, nil
}

// enable returns the command that enables the unit, and first removes a mask and installs a unit
// that is not there.
func (s *Subject) enable() string {
	var commands []string
	if s.Masked(unitName) {
		commands = append(commands, "systemctl unmask lvsmark")
	}
	if !s.Installed(unitName) {
		commands = append(commands, "lvsmark render systemd > /etc/systemd/system/"+unitName, "systemctl daemon-reload")
	}
	return strings.Join(append(commands, "systemctl enable lvsmark"), " && ")
}

// dropIn returns the command that adds lines to the section [Unit] of the unit.
func dropIn(name string, lines ...string) string {
	return fmt.Sprintf(`mkdir -p /etc/systemd/system/%s.d && printf '[Unit]\n%s\n' > /etc/systemd/system/%[1]s.d/%[3]s.conf && systemctl daemon-reload`,
		unitName, strings.Join(lines, `\n`), name)
}

// orderedAfter reports whether a unit names another one in After=.
func orderedAfter(text, other string) bool { return names(text, "After", other) }

// names reports whether an assignment of a unit has a word.
func names(text, key, word string) bool {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), key+"="); ok && slices.Contains(strings.Fields(value), word) {
			return true
		}
	}
	return false
}

func one(text, command string) []doctor.Finding {
	return []doctor.Finding{{Text: text, Command: command}}
}

// nftFiles are the files that nftables.service of distributions loads, with what they
// include from these directories.
func nftFiles() []string {
	return []string{"etc/nftables.conf", "etc/sysconfig/nftables.conf", "etc/nftables/*.nft", "etc/nftables.d/*.nft", "etc/nftables.d/*.conf"}
}

func flushRuleset(s *Subject) ([]doctor.Finding, error) {
	const service = "nftables.service"
	if !s.Enabled(service) {
		return nil, nil
	}
	text := s.Unit(unitName)
	follows := s.Enabled(unitName) && orderedAfter(text, service)
	mend := s.enable()
	if text != "" && !orderedAfter(text, service) {
		mend = dropIn("order", "After="+service) + " && " + mend
	}
	for _, l := range s.Lines(nftFiles()...) {
		if !isFlush(l.Text) {
			continue
		}
		switch {
		case !follows:
			return one(fmt.Sprintf("%s: %s flushes the ruleset, and %s is not started after it", l, service, unitName), mend), nil
		case !names(text, "PartOf", service) && !names(text, "ReloadPropagatedFrom", service):
			return one(fmt.Sprintf("%s: a restart of %s flushes the ruleset, and %s has no PartOf=%[2]s: it does not apply the spec again", l, service, unitName),
				dropIn("nftables", "PartOf="+service, "ReloadPropagatedFrom="+service)), nil
		}
	}
	return nil, nil
}

func isFlush(line string) bool {
	words := strings.Fields(strings.TrimSuffix(line, ";"))
	return len(words) == 2 && words[0] == "flush" && words[1] == "ruleset"
}

func savedRules(s *Subject) (found []doctor.Finding, err error) {
	for _, l := range s.Lines(append(nftFiles(), "var/lib/nftables/*.nft")...) {
		words := strings.Fields(l.Text)
		if len(words) > 2 && words[0] == "table" && (words[1] == "ip" || words[1] == "ip6") && words[2] == s.Spec.Director.Table {
			found = append(found, doctor.Finding{Text: fmt.Sprintf("%s: the file has lvsmark's table %s %s", l, words[1], words[2]), Command: "remove the table from the file"})
		}
	}
	for _, name := range s.Exists("etc/iptables/rules.v4", "etc/iptables/rules.v6", "etc/sysconfig/iptables", "etc/sysconfig/ip6tables", "etc/iptables/iptables.rules") {
		for _, r := range host.SavedRules("/"+name, s.ReadFile(name), "") {
			if what := s.leftover(r); what != "" {
				found = append(found, doctor.Finding{Text: fmt.Sprintf("%s: %s: %s", r.Place, what, r.Text), Command: "remove the line from the file"})
			}
		}
	}
	return found, nil
}
