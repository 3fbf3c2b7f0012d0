package nftables

import (
	"regexp"
	"strings"

	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// nft lists extensions of iptables-nft in its own words (libxtables: xlate), and some of them mean
// something else: CONNMARK with a mask changes the other bits too, the inversion of multiport with
// --ports is lost, so is the source of addrtype with both types, and conntrack does not test addresses
// of packets without a connection if their state matches. nft loads the same words of a table that iptables did not make as they are.
var otherMeaning = []words{
	{regexp.MustCompile(`\bct mark set (ct )?mark (and|or|xor|&|\||\^) `), "CONNMARK with a mask"},
	{regexp.MustCompile(`\b(meta )?mark set ct mark (and|or|xor|&|\||\^) `), "CONNMARK with a mask"},
	{regexp.MustCompile(`\b\w+ sport \. \w+ dport (!= )?\{`), "multiport with --ports"},
	{regexp.MustCompile(`\bfib saddr type `), "addrtype with both types"},
	{regexp.MustCompile(`\bct state (!=? |\S*(invalid|untracked)).*\bct (original|reply|status|expiration|direction|protocol)\b`), "conntrack with a state"},
	{regexp.MustCompile(`\bct (original|reply|status|expiration|direction|protocol)\b.*\bct state (!=? |\S*(invalid|untracked))`), "conntrack with a state"},
}

// otherMeaningOfIPv6 is such words of ip6tables-nft: it lists a test for an extension header (-m frag,
// -m rt) as nothing, like -m comment, and unicast addresses of addrtype may be local
// (match_type6 of net/netfilter/xt_addrtype.c).
var otherMeaningOfIPv6 = []words{
	{regexp.MustCompile(`\bfib daddr type .*\b(unicast|multicast)\b`), "addrtype"},
	{regexp.MustCompile(`^\t\t |\S  \S`), "an extension without words"},
}

var (
	tableOfIPTables = regexp.MustCompile(`^table ip6? (raw|mangle|nat|filter|security) \{`)
	chainOfIPTables = regexp.MustCompile(`^\s*chain (PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING) \{`)
)

// A words is how nft lists an extension.
type words struct {
	pattern *regexp.Regexp
	what    string
}

// isForeign is how nft refuses a listing of extensions for which it has no words.
const isForeign = "xtables compat expression"

// remarkOnIPTables adds a remark for each line of a table with the names of iptables-nft that may
// mean something else.
func remarkOnIPTables(c *oldconfig.Config, name, text string) {
	var found []oldconfig.Remark // of the table
	within, made, ofIPv6 := false, false, false
	number := 0
	for line := range strings.Lines(text) {
		number++
		if tableOfIPTables.MatchString(line) {
			within, ofIPv6 = true, strings.HasPrefix(line, "table ip6")
		}
		made = made || within && chainOfIPTables.MatchString(line)
		what := meansOther(otherMeaning, line)
		if ofIPv6 && what == "" {
			what = meansOther(otherMeaningOfIPv6, line)
		}
		if what != "" {
			at := oldconfig.Line{File: name, Number: number, Text: strings.TrimSpace(line)}
			found = append(found, oldconfig.Remark{Line: at, Message: "nft lists " + what + " of iptables-nft in words that mean something else: " + giveSave})
		}
		if strings.HasPrefix(line, "}") {
			if made {
				c.NotUnderstood = append(c.NotUnderstood, found...)
			}
			found, within, made, ofIPv6 = nil, false, false, false
		}
	}
}

// meansOther returns which extension the line is perhaps a listing of, or "".
func meansOther(list []words, line string) string {
	for _, o := range list {
		if o.pattern.MatchString(line) {
			return o.what
		}
	}
	return ""
}

const giveSave = "give the output of iptables-save and ip6tables-save in place of tables that iptables-nft has made"
