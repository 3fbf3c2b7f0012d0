package equivalence

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/integration/need"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/oldconfig"
)

// A singleRule is a line of a table of rules.
type singleRule struct {
	text     string
	unproven []string // readers that need not understand it; "all": none of them does
	bit      uint32   // of the mark; 0: the rule is alone
}

// needs reports whether the reader must understand the rule.
func (r singleRule) needs(reader string) bool {
	return !slices.Contains(r.unproven, reader) && !slices.Contains(r.unproven, "all")
}

// singleRules returns the rules of a group of a file of testdata, where "RULE ; READER …" names the
// readers that do not understand a rule.
func singleRules(t *testing.T, file, group string) (rules []singleRule) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	within := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			within = line == "["+group+"]"
		case within:
			rule, readers, _ := strings.Cut(line, " ;; ")
			rules = append(rules, singleRule{text: strings.TrimSpace(rule), unproven: strings.Fields(readers)})
		}
	}
	require.NotEmpty(t, rules, "%s of %s", group, file)
	return rules
}

// A reading is what a reader says of loaded rules.
type reading struct {
	side  exact.Side
	lost  uint32 // bits of rules that it does not understand
	whole bool   // it understands no rule
	why   string
}

// readingOf marks the rules that remarks are about.
func readingOf(c *oldconfig.Config) *reading {
	r := &reading{side: exact.Side{Chains: c.Chains}}
	for _, remark := range c.NotUnderstood {
		bit := bitOf(remark.Text)
		r.lost |= bit
		r.whole = r.whole || bit == 0
		r.why = remark.String() + ": " + remark.Message
	}
	return r
}

// firstBit is the first bit of the mark that a rule sets; those below it are for rules to test.
const firstBit = 1 << 8

// bitOf returns the bit of the rule with this text; 0: of none.
func bitOf(text string) uint32 {
	text = strings.NewReplacer("mark or ", "mark ", "mark | ", "mark ").Replace(text) // of nft
	for bit := uint32(firstBit); bit != 0; bit <<= 1 {
		word := fmt.Sprintf("mark %#x", bit)
		if strings.HasSuffix(text, word) || strings.Contains(text, word+"/") || strings.Contains(text, word+" ") {
			return bit
		}
	}
	return 0
}

// bitOfRule returns the bit that the rule sets, or 0.
func bitOfRule(r *oldconfig.Rule) uint32 {
	for ; r != nil; r = r.Then {
		for _, a := range r.Actions {
			if a.Kind == oldconfig.SetMark && a.Xor >= firstBit && bits.OnesCount32(a.Xor) == 1 {
				return a.Xor
			}
		}
	}
	return 0
}

// A ruleCase is rules that are loaded together, with what the readers say of them.
type ruleCase struct {
	name     string
	rules    []singleRule
	readings map[string]*reading
	packets  []rulePacket
	seen     map[int]uint32 // marks, by the number of the packet
	verdicts *verdicts
}

// verdicts counts what readers say, by reader.
type verdicts struct {
	definite, unproven, matched map[string]int
	unprovenOf                  map[string][]string // by rule
}

func newVerdicts() *verdicts {
	return &verdicts{map[string]int{}, map[string]int{}, map[string]int{}, map[string][]string{}}
}

// compare checks what each reader says of each packet against what the kernel did.
func (c *ruleCase) compare(t *testing.T) {
	t.Helper()
	var marks uint32
	for _, mark := range c.seen {
		marks |= mark
	}
	for name, r := range c.readings {
		unknown := r.lost
		if r.whole {
			unknown = everyRule
		}
		wrong := map[string]bool{}
		for i, p := range c.packets {
			if unknown == everyRule {
				break
			}
			lost, differs, text := c.follow(r, i, p)
			unknown |= lost
			for _, rule := range c.rules {
				if alone := rule.bit == 0; !wrong[rule.text] && (alone && differs != 0 || rule.bit&differs != 0) {
					wrong[rule.text] = true
					t.Errorf("%s, %s: %s\n%s: %s", c.name, name, rule.text, p, text)
				}
			}
		}
		for _, rule := range c.rules {
			judged := c.verdicts.unprovenOf
			judged[rule.text] = slices.Clip(judged[rule.text])
			switch {
			case rule.bit&unknown != 0 || rule.bit == 0 && unknown != 0:
				c.verdicts.unproven[name]++
				judged[rule.text] = append(judged[rule.text], name)
				assert.False(t, rule.needs(name), "%s: %s does not understand %s; %s", c.name, name, rule.text, r.why)
			default:
				c.verdicts.definite[name]++
				if marks&rule.bit != 0 {
					c.verdicts.matched[name]++
				}
			}
		}
	}
}

const everyRule = ^uint32(0)

// follow compares a packet. It returns the bits of rules that the reader does not understand, and
// those in which the kernel differs.
func (c *ruleCase) follow(r *reading, i int, p rulePacket) (lost, differs uint32, text string) {
	followed := exact.Follow(r.side, p.Packet, false)
	for _, s := range followed.Steps {
		if strings.Contains(s.Effect, "not understood") || strings.Contains(s.Effect, "not known") {
			bit := bitOfRule(s.Rule)
			if bit == 0 {
				return everyRule, 0, ""
			}
			lost |= bit
		}
	}
	mark, came := c.seen[i+1]
	dropped := followed.Outcome == "dropped"
	switch {
	case !came && p.fragment, !came && dropped: // connection tracking keeps a fragment
	case came == dropped:
		differs = everyRule
	default:
		differs = (mark ^ followed.Mark) &^ (lost | r.lost)
	}
	return lost, differs, fmt.Sprintf("%#x; kernel %#x, arrived: %t\n%s", followed.Mark, mark, came, stepText(followed))
}

func stepText(followed exact.Treatment) string {
	var b strings.Builder
	for _, s := range followed.Steps {
		fmt.Fprintf(&b, "%s\n", s.Effect)
	}
	return b.String() + followed.Outcome
}

// TestSingleRules loads rules of iptables with each match and each target. Each reader says of
// packets what the kernel does, or does not understand the rule and says so.
func TestSingleRules(t *testing.T) {
	for _, family := range config.Families() {
		t.Run(family.String(), func(t *testing.T) { testSingleRules(t, family) })
	}
}

func testSingleRules(t *testing.T, family config.Family) {
	need.NFTables(t)
	need.Programs(t, "nft", "ip", "sysctl", "iptables-legacy", "iptables-nft", "ip6tables-legacy", "ip6tables-nft", "ipset")
	t.Parallel()
	file := fileOf("singlerules.txt", family)
	matches, targets := singleRules(t, file, "matches"), singleRules(t, file, "targets")
	unproven := map[string][]string{}
	for _, backend := range []string{"nft", "legacy"} {
		b := newRuleBench(t, backend, family)
		for i, rules := range batches(sampled(matches, family)) {
			b.run(t, fmt.Sprintf("%s, batch %d", backend, i), rules)
		}
		for _, rule := range sampled(targets, family) {
			b.run(t, backend, []singleRule{rule})
		}
		assert.Less(t, 2*b.refused, len(sampled(matches, family))+len(sampled(targets, family)), "rules that iptables refuses")
		t.Logf("%s: definite: %v; not understood: %v; definite, and a packet matches: %v; refused: %d", backend, b.verdicts.definite, b.verdicts.unproven, b.verdicts.matched, b.refused)
		for rule, readers := range b.verdicts.unprovenOf {
			unproven[rule] = append(unproven[rule], readers...)
		}
	}
	updateSingleRules(t, file, unproven)
}

// batches returns rules to load together: those that test or change the mark are alone.
func batches(rules []singleRule) (list [][]singleRule) {
	const size = 10
	var batch []singleRule
	for _, rule := range rules {
		if strings.Contains(rule.text, "mark") {
			list = append(list, []singleRule{rule})
			continue
		}
		rule.bit = firstBit << len(batch)
		if batch = append(batch, rule); len(batch) == size {
			list, batch = append(list, batch), nil
		}
	}
	if batch != nil {
		list = append(list, batch)
	}
	return list
}

// sampled returns the rules of this run: all with LVSMARK_CASES=5, else a part.
func sampled(rules []singleRule, family config.Family) []singleRule {
	part := 5
	if family == config.IPv6 && os.Getenv("LVSMARK_CASES") == "" {
		part = 12
	}
	n := min((cases(len(rules))+part-1)/part, len(rules))
	r := rand.New(rand.NewPCG(1, 1))
	rules = slices.Clone(rules)
	r.Shuffle(len(rules), func(i, j int) { rules[i], rules[j] = rules[j], rules[i] })
	return rules[:n]
}

// updateSingleRules writes the readers that do not understand each rule, with LVSMARK_UPDATE=1.
func updateSingleRules(t *testing.T, file string, unproven map[string][]string) {
	t.Helper()
	if os.Getenv("LVSMARK_UPDATE") == "" {
		return
	}
	path := "testdata/" + file
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		rule, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ;; ")
		readers, judged := unproven[strings.TrimSpace(rule)]
		if !judged {
			b.WriteString(line)
			continue
		}
		slices.Sort(readers)
		if readers = slices.Compact(readers); len(readers) > 0 {
			rule += " ;; " + strings.Join(readers, " ")
		}
		b.WriteString(rule + "\n")
	}
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
}
