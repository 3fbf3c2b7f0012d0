package director

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/internal/doctor"
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
			Name: "flush-ruleset", Summary: "a `flush ruleset` in the files and commands of nftables.service, and whether the spec is applied after it",
			Why: "it deletes lvsmark's tables: packets have no marks until the next apply", Run: flushRuleset,
		},
		{
			Name: "saved-rules", Summary: "saved rulesets and scripts of the boot that have lvsmark's tables or rules of the old recipe",
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
	for _, firewall := range []string{"nftables.service", "firewalld.service", "netfilter-persistent.service", "ufw.service", "iptables.service", "ip6tables.service", "ferm.service", "shorewall.service"} {
		if s.Enabled(firewall) && !s.orderedAfter(firewall) && !names(text, "After", "network-pre.target") {
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

// orderedAfter reports whether lvsmark.service starts after another unit: one of both says so.
func (s *Subject) orderedAfter(other string) bool {
	return names(s.Unit(unitName), "After", other) || names(s.Unit(other), "Before", unitName)
}

// names reports whether an assignment of a unit has a word. text is that of host.Unit.
func names(text, key, word string) bool {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, key+"="); ok && slices.Contains(strings.Fields(value), word) {
			return true
		}
	}
	return false
}

func one(text, command string) []doctor.Finding {
	return []doctor.Finding{{Text: text, Command: command}}
}
