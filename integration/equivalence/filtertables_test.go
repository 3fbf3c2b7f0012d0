package equivalence

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
)

// oldTables makes random rules of all tables of iptables that packets to IPVS pass.
type oldTables struct{ *oldRules }

// An oldTable is the rules of a table, for iptables-restore.
type oldTable struct {
	name   string
	policy string // of chain INPUT, or ""
	rules  []string
}

// saveText writes tables for iptables-restore.
func saveText(tables []oldTable) string {
	var b strings.Builder
	for _, t := range tables {
		fmt.Fprintf(&b, "*%s\n", t.name)
		if t.policy != "" {
			fmt.Fprintf(&b, ":INPUT %s [0:0]\n", t.policy)
		}
		b.WriteString(":a - [0:0]\n:b - [0:0]\n" + strings.Join(t.rules, "\n") + "\nCOMMIT\n")
	}
	return b.String()
}

func (g oldTables) tables() []oldTable {
	all := []oldTable{{name: "mangle", rules: append(g.chains(g.anyTarget, "PREROUTING", "INPUT"),
		"-I PREROUTING -j CONNMARK --set-mark "+g.mark(), "-I PREROUTING -j MARK --set-mark "+g.pick("5", "6", "7"))}}
	if g.r.IntN(2) == 0 {
		all = append(all, oldTable{name: "raw", rules: g.chains(g.rawTarget, "PREROUTING")})
	}
	if g.r.IntN(2) == 0 {
		all = append(all, oldTable{name: "nat", rules: g.chains(g.natTarget, "PREROUTING")})
	}
	if g.r.IntN(2) == 0 {
		all = append(all, oldTable{name: "filter", policy: g.pick("ACCEPT", "ACCEPT", "DROP"), rules: g.chains(g.filterTarget, "INPUT")})
	}
	return all
}

// chains returns rules of chains b and a, which the base chains call.
func (g oldTables) chains(target func() string, base ...string) (lines []string) {
	add := func(chain string, most int, jumps ...string) {
		for range 1 + g.r.IntN(most) {
			then := target()
			if strings.Contains(then, "-p ") {
				lines = append(lines, "-A "+chain+" "+then)
				continue
			}
			if len(jumps) > 0 && g.r.IntN(3) == 0 {
				then = g.pick(jumps...)
			}
			lines = append(lines, "-A "+chain+" "+g.tests()+then)
		}
	}
	add("b", 3)
	add("a", 4, "-j b", "-g b")
	for _, name := range base {
		add(name, 5, "-j a", "-g a", "-j b")
	}
	return lines
}

func (g oldTables) anyTarget() string { return g.pick(g.target(), g.target(), g.target(), "-j DROP") }

func (g oldTables) rawTarget() string {
	return g.pick("-j NOTRACK", "-j CT --notrack", "-j RETURN", "-j ACCEPT", "-j DROP", "-j MARK --set-mark "+g.mark())
}

func (g oldTables) filterTarget() string {
	return g.pick("-j RETURN", "-j ACCEPT", "-j ACCEPT", "-j DROP", "-j MARK --set-mark "+g.mark(), "-j CONNMARK --restore-mark")
}

func (g oldTables) natTarget() string {
	to := g.address()
	withPort := to + ":" + g.port()
	if g.family == config.IPv6 {
		withPort = "[" + to + "]:" + g.port()
	}
	protocol := g.pick("-p tcp ", "-p udp ")
	return g.pick("-j RETURN", "-j ACCEPT", "-j DNAT --to-destination "+to, "-j MARK --set-mark "+g.mark(),
		protocol+g.tail()+"-j DNAT --to-destination "+withPort, protocol+g.tail()+"-m multiport --dports 21,990 -j DNAT --to-destination "+withPort,
		protocol+"-d "+to+" -j REDIRECT --to-ports "+g.port())
}

func (g oldTables) source() string {
	if g.family == config.IPv6 {
		return "2001:db8:c::" + g.pick("8", "9", "a", "b")
	}
	return "203.0.113." + g.pick("8", "9", "10", "11")
}

// tests returns the matches of a rule.
func (g oldTables) tests() string {
	text := ""
	switch g.r.IntN(5) {
	case 0:
		bits := g.family.Bits()
		text = g.pick("-s "+g.source()+"/"+fmt.Sprint(bits-g.r.IntN(3)), "! -s "+g.source(), "-s "+g.source()+","+g.source(),
			"-m set "+g.not()+"--match-set clients src", "-m set "+g.not()+"--match-set both src,dst,dst",
			"-m set "+g.not()+"--match-set flows src,dst,dst", "-m iprange "+g.not()+"--src-range "+g.clientRange()) + " "
	case 1:
		text = "-m mac " + g.not() + "--mac-source 02:00:00:00:00:0" + g.pick("1", "2") + " "
	case 2:
		text = "-m addrtype " + g.not() + g.pick("--dst-type LOCAL ", "--src-type LOCAL ", "--src-type UNICAST ", "--dst-type UNICAST,LOCAL ", "--dst-type MULTICAST ")
	}
	text += g.matches() + g.tail()
	if lists := regexp.MustCompile(`-[sd] \S+,`); lists.MatchString(text) && strings.Contains(text, "! -") {
		return g.tests() // iptables refuses ! -s and ! -d beside a list of addresses
	}
	return text
}

// tail returns matches that need no protocol.
func (g oldTables) tail() string {
	switch g.r.IntN(6) {
	case 0:
		return "-m state " + g.not() + "--state " + g.states() + " "
	case 1:
		var options []string
		for _, option := range []string{
			"--ctstate " + g.states() + g.pick("", "", ",DNAT", ",SNAT"), "--ctproto " + g.pick("tcp", "udp"), "--ctorigsrc " + g.source(),
			"--ctorigdst " + g.address(), "--ctorigdstport " + g.port(), "--ctdir " + g.pick("ORIGINAL", "REPLY"),
			"--ctstatus " + g.pick("NONE", "SEEN_REPLY", "CONFIRMED", "ASSURED,EXPECTED", "ASSURED"),
		} {
			if g.r.IntN(7) == 0 {
				if !strings.HasPrefix(option, "--ctdir") {
					option = g.not() + option
				}
				options = append(options, option)
			}
		}
		if len(options) == 0 {
			options = []string{"--ctstate NEW"}
		}
		return "-m conntrack " + strings.Join(options, " ") + " "
	}
	return ""
}

func (g oldTables) states() string {
	return g.pick("NEW", "INVALID", "UNTRACKED", "NEW,UNTRACKED", "ESTABLISHED,RELATED", "NEW,INVALID", "INVALID,UNTRACKED")
}

func (g oldTables) clientRange() string {
	if g.family == config.IPv6 {
		return "2001:db8:c::9-2001:db8:c::a"
	}
	return "203.0.113.9-203.0.113.10"
}

// clientSets returns sets of clients beside those of oldRules.
func (g oldTables) clientSets() string {
	inet := map[config.Family]string{config.IPv4: "inet", config.IPv6: "inet6"}[g.family]
	var b strings.Builder
	b.WriteString("create clients hash:ip family " + inet + "\ncreate both hash:ip,port,net family " + inet + "\ncreate flows hash:ip,port,ip family " + inet + "\n")
	for range 3 {
		b.WriteString("add clients " + g.source() + " -exist\n")
		b.WriteString("add both " + g.source() + "," + g.pick("tcp:", "udp:") + g.port() + "," + g.address() + g.pick("", "/"+fmt.Sprint(g.family.Bits()-2)) + g.pick("", "", " nomatch") + " -exist\n")
		b.WriteString("add flows " + g.source() + "," + g.pick("tcp:", "udp:") + g.port() + "," + g.address() + " -exist\n")
	}
	return b.String()
}

// changed returns the tables with one change: most change what becomes of packets, some do not.
func (g oldTables) changed(tables []oldTable) []oldTable {
	tables = slices.Clone(tables)
	n := g.r.IntN(len(tables))
	t := &tables[n]
	t.rules = slices.Clone(t.rules)
	at := g.r.IntN(len(t.rules))
	switch g.r.IntN(6) {
	case 0:
		t.rules = slices.Delete(t.rules, at, at+1)
	case 1:
		t.rules = slices.Insert(t.rules, at, t.rules[at]) // twice
	case 2:
		other := g.r.IntN(len(t.rules))
		t.rules[at], t.rules[other] = t.rules[other], t.rules[at]
	case 3:
		t.rules = append(t.rules, "-A "+g.pick("a", "b")+" "+g.tests()+"-j RETURN")
	case 4:
		t.rules = append(t.rules, "-A "+g.pick("a", "b")+" "+g.tests()+g.pick("-j MARK --or-mark 2", "-j MARK --set-mark "+g.mark()))
	default:
		t.rules[at] = strings.NewReplacer("! ", "", "0x3", "0x2", "NEW", "INVALID", "dst-type LOCAL", "dst-type UNICAST").Replace(t.rules[at])
	}
	return tables
}
