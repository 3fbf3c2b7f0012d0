package peer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/ipvs"
)

// A Plan is what a plan file has: lvsmark's tables, and the services as ipvsadm -Sn writes them.
type Plan struct{ Ruleset, Services string }

// otherMark is what a difference of the tables breaks.
const otherMark = "packets get another mark or translation on the peer"

// ComparePlan compares the tables and services of this director with those of a plan file of
// the peer.
func ComparePlan(ours *config.Spec, ruleset string, theirs Plan) []Difference {
	found := lines("marks", markLines(ruleset), markLines(theirs.Ruleset), otherMark)
	if bind := theirs.Services != ""; bind != ours.Director.Bind {
		return append(found, Difference{"director.bind", fmt.Sprint(ours.Director.Bind), fmt.Sprint(bind), otherOwner})
	}
	if ours.Director.Bind {
		services, others := split(ipvs.Text(bound(ours))), split(theirs.Services)
		found = append(found, lines("IPVS", services, others, lostMark)...)
		found = append(found, orders(services, others)...)
	}
	return found
}

func split(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

// lines returns the lines that only one of two lists has.
func lines(object string, ours, theirs []string, reason string) (found []Difference) {
	for _, line := range ours {
		if !slices.Contains(theirs, line) {
			found = append(found, Difference{object, line, "", reason})
		}
	}
	for _, line := range theirs {
		if !slices.Contains(ours, line) {
			found = append(found, Difference{object, "", line, reason})
		}
	}
	return found
}

// markLines returns a line for each element and rule of tables in the form of `nft list`:
// "ip, map shards_21: 10000-12499 : 0x00000016". The name of the table, the ledger and the order
// of elements do not matter.
func markLines(ruleset string) []string {
	var list []markLine
	var family, kind, name string
	elements, intervals := "", false
	for line := range strings.Lines(ruleset) {
		text := strings.TrimSpace(line)
		words := strings.Fields(text)
		switch {
		case strings.HasPrefix(line, "table "):
			family = words[1]
		case strings.HasSuffix(text, " {") && len(words) == 3: // "map shards_21 {"
			kind, name, intervals = words[0], words[1], false
		case strings.HasPrefix(text, "flags ") && slices.Contains(words, "interval"):
			intervals = true
		case elements != "" || strings.HasPrefix(text, "elements = {"):
			elements += " " + strings.TrimPrefix(text, "elements = {")
			if !strings.HasSuffix(text, "}") {
				continue
			}
			for _, element := range elementsOf(elements, intervals) {
				list = append(list, markLine{family, kind, name, element})
			}
			elements = ""
		case kind == "chain" && text != "" && text != "}" && !strings.HasPrefix(text, "comment "):
			list = append(list, markLine{family, kind, name, text})
		}
	}
	return comparableTexts(slices.DeleteFunc(list, func(l markLine) bool {
		return l.kind == "set" && slices.Contains([]string{"bound", "settings", "drained"}, l.name)
	}))
}

// elementsOf returns the elements of "a, b }", in the same form for the same intervals.
func elementsOf(text string, intervals bool) []string {
	elements := strings.Split(strings.TrimSuffix(text, "}"), ",")
	for i := range elements {
		elements[i] = strings.TrimSpace(elements[i])
	}
	if intervals {
		return mergedElements(elements)
	}
	return elements
}
