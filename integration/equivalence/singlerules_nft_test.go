package equivalence

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/live"
)

// readWithoutRefused reads the text of nft without the rules that nft itself refuses to load: it
// lists extensions of iptables in words that it does not know.
func readWithoutRefused(text string, rules []singleRule) *reading {
	lines := strings.Split(text, "\n")
	var lost uint32
	for {
		c, err := importer.Read("nft", strings.NewReader(strings.Join(lines, "\n")))
		if err == nil {
			r := readingOf(c)
			r.lost |= lost
			return r
		}
		at := regexp.MustCompile(`/dev/stdin:(\d+):`).FindStringSubmatch(err.Error())
		if at == nil || len(rules) == 1 && rules[0].bit == 0 {
			return &reading{whole: true, why: err.Error()}
		}
		line, _ := strconv.Atoi(at[1])
		bit := bitOf(lines[line-1])
		if bit == 0 {
			return &reading{whole: true, why: err.Error()}
		}
		lost |= bit
		lines[line-1] = ""
	}
}

// TestSingleNFTRules is TestSingleRules for rules of nft.
func TestSingleNFTRules(t *testing.T) {
	for _, family := range config.Families() {
		t.Run(family.String(), func(t *testing.T) { testSingleNFTRules(t, family) })
	}
}

func testSingleNFTRules(t *testing.T, ipFamily config.Family) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip", "sysctl", "ipset")
	t.Parallel()
	b := newRuleBench(t, "text", ipFamily)
	file := fileOf("singlerules_nft.txt", ipFamily)
	rules := sampled(singleRules(t, file, "rules"), ipFamily)
	for i, rule := range rules {
		written, isUnlisted := strings.CutPrefix(rule.text, "unlisted: ")
		declarations, body, both := strings.Cut(written, " || ")
		if !both {
			declarations, body = "", written
		}
		family := []string{nftFamily(ipFamily), "inet"}[i%2]
		text := strings.ReplaceAll("table "+family+" t {\n"+declarations+"\n\tchain pre {\n\t\ttype filter hook prerouting priority mangle; policy accept;\n\t\tmeta mark set 0x5\n\t\t"+body+"\n\t}\n}\n", ` \n `, "\n\t\t")
		b.clear(t)
		if err := b.n.Load(text); err != nil {
			b.refused++
			t.Logf("refused: %s: %s", rule.text, err)
			continue
		}
		readings := b.readingsOfNFT(t, text)
		if isUnlisted {
			delete(readings, "list")
			delete(readings, "json")
		}
		b.compare(t, &ruleCase{name: family, rules: []singleRule{rule}, readings: readings}, text)
	}
	assert.Less(t, 2*b.refused, len(rules), "rules that nft refuses")
	t.Logf("definite: %v; not understood: %v; refused: %d", b.verdicts.definite, b.verdicts.unproven, b.refused)
	updateSingleRules(t, file, b.verdicts.unprovenOf)
}

// readingsOfNFT returns what each reader says of a loaded text.
func (b *ruleBench) readingsOfNFT(t *testing.T, text string) map[string]*reading {
	t.Helper()
	list, err := b.n.List()
	require.NoError(t, err)
	asJSON, err := b.n.Run("", "nft", "-j", "list", "ruleset")
	require.NoError(t, err)
	now, err := live.Read(b.n.Path())
	require.NoError(t, err)
	return map[string]*reading{"text": readingIn("text", text), "list": readingIn("list", list), "json": readingIn("json", asJSON), "live": readingOf(now)}
}

// TestChainsOfNFT is TestSingleNFTRules for tables with several chains up to IPVS.
func TestChainsOfNFT(t *testing.T) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip", "sysctl", "ipset")
	t.Parallel()
	b := newRuleBench(t, "text", config.IPv4)
	b.atInput = true
	tables := sampled(singleRules(t, "singlerules_nft.txt", "chains"), config.IPv4)
	for i, table := range tables {
		family := []string{"ip", "inet"}[i%2]
		text := "table " + family + " t {\n" + strings.ReplaceAll(table.text, ` \n `, "\n") + "\n}\n"
		b.clear(t)
		if err := b.n.Load(text); err != nil {
			b.refused++
			t.Logf("refused: %s: %s", table.text, err)
			continue
		}
		b.compare(t, &ruleCase{name: family, rules: []singleRule{table}, readings: b.readingsOfNFT(t, text)}, text)
	}
	assert.Less(t, 4*b.refused, len(tables), "tables that nft refuses")
	t.Logf("definite: %v; not understood: %v", b.verdicts.definite, b.verdicts.unproven)
	updateSingleRules(t, "singlerules_nft.txt", b.verdicts.unprovenOf)
}

// readingIn reads a text in its language.
func readingIn(name, text string) *reading {
	c, err := importer.Read(name, strings.NewReader(text))
	if err != nil {
		return &reading{whole: true, why: err.Error()}
	}
	return readingOf(c)
}
