package equivalence

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/exact"
	"github.com/lvsmark/lvsmark/internal/importer"
	"github.com/lvsmark/lvsmark/internal/importer/live"
)

// A ruleBench is a namespace in which rules are loaded, and one in which no rule is.
type ruleBench struct {
	backend  string
	family   config.Family
	n, bare  *Namespace
	lan      *lan
	bareLAN  *lan
	sets     string // that the kernel has taken, for ipset restore
	verdicts *verdicts
	refused  int
	atInput  bool // marks are those that IPVS gets
	r        *rand.Rand
}

// packetsOfRules is how many packets each rule or batch gets.
const packetsOfRules = 500

func newRuleBench(t *testing.T, backend string, family config.Family) *ruleBench {
	t.Helper()
	b := &ruleBench{backend: backend, family: family, n: newNamespace(t), bare: newNamespace(t), verdicts: newVerdicts(), r: rand.New(rand.NewPCG(1, 2))}
	b.lan, b.bareLAN = lanOf(t, b.n), lanOf(t, b.bare)
	for _, n := range []*Namespace{b.n, b.bare} {
		_, err := n.Run(addressesOf(family), "sh", "-e")
		require.NoError(t, err)
	}
	b.loadSets(t)
	return b
}

// loadSets loads the sets that the kernel has.
func (b *ruleBench) loadSets(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + fileOf("singlerules.sets", b.family))
	require.NoError(t, err)
	for _, set := range strings.SplitAfter(string(text), "\n\n") {
		if _, err := b.n.Run(set, "ipset", "restore"); err != nil {
			t.Logf("refused: %s", err)
			continue
		}
		b.sets += set
	}
	b.sets = strings.ReplaceAll(b.sets, "\n\n", "\n")
}

// program returns the command of a table of the backend.
func (b *ruleBench) program() string {
	if b.family == config.IPv6 {
		return "ip6tables-" + b.backend
	}
	return "iptables-" + b.backend
}

// run loads rules, and judges what the readers say of them. Rules that iptables refuses are left out.
func (b *ruleBench) run(t *testing.T, name string, rules []singleRule) {
	t.Helper()
	script, taken := b.load(t, rules)
	if len(taken) == 0 {
		return
	}
	b.compare(t, &ruleCase{name: name, rules: taken, readings: b.readings(t, script, taken)}, script+b.setsOf(script))
}

// compare sends packets through the loaded rules, with values of their text.
func (b *ruleBench) compare(t *testing.T, c *ruleCase, text string) {
	t.Helper()
	c.verdicts, c.packets = b.verdicts, newPacketPool(b.r, b.family, text).packets(packetsOfRules)
	recorder := markRecorder(b.family, "")
	if b.atInput {
		c.packets = slices.DeleteFunc(c.packets, func(p rulePacket) bool { return p.FromType != exact.Unicast }) // martian
		recorder = strings.Replace(recorder, "hook prerouting priority 0", "hook input priority 98", 1)
	}
	b.states(t, c.packets)
	require.NoError(t, b.n.Load(recorder))
	b.lan.sendAll(t, c.packets)
	c.seen = marksOf(t, b.n, b.family)
	c.compare(t)
}

// setsOf returns the sets if the script uses them.
func (b *ruleBench) setsOf(script string) string {
	if strings.Contains(script, "-set") && !strings.Contains(script, "ipset") && strings.Contains(script, "SET ") || strings.Contains(script, "match-set") {
		return b.sets
	}
	return ""
}

// states asks the kernel for the state of each packet in connection tracking.
func (b *ruleBench) states(t *testing.T, packets []rulePacket) {
	t.Helper()
	const text = "ct state new meta mark set 0\nct state established meta mark set 1\nct state related meta mark set 2\nct state invalid meta mark set 3\nct state untracked meta mark set 4\n"
	require.NoError(t, b.bare.Load(markRecorder(b.family, text)))
	b.bareLAN.sendAll(t, packets)
	states := marksOf(t, b.bare, b.family)
	for i := range packets {
		packets[i].State = int(states[i+1]) // of a fragment, 0: it does not come
	}
}

// clear removes all rules.
func (b *ruleBench) clear(t *testing.T) {
	t.Helper()
	text := "flush ruleset\n"
	require.NoError(t, b.n.Load(text))
	if b.backend == "legacy" {
		_, err := b.n.Run("*raw\nCOMMIT\n*mangle\nCOMMIT\n", b.program()+"-restore")
		require.NoError(t, err)
	}
}

// load runs a command for each rule. It returns the script of those that iptables has taken.
func (b *ruleBench) load(t *testing.T, rules []singleRule) (script string, taken []singleRule) {
	t.Helper()
	b.clear(t)
	run := func(table, rule string) error {
		line := b.program() + " -t " + table + " -A PREROUTING " + rule
		_, err := b.n.Run(line+"\n", "sh", "-e")
		if err == nil {
			script += line + "\n"
		}
		return err
	}
	require.NoError(t, run("mangle", "-j MARK --set-mark 5"))
	require.NoError(t, run("mangle", "-j CONNMARK --set-mark 2"))
	for _, rule := range rules {
		text, table, after := rule.text, "mangle", ""
		if backend, rest, ok := strings.Cut(text, ": "); ok && (backend == "nft" || backend == "legacy") {
			if backend != b.backend {
				continue
			}
			text = rest
		}
		switch {
		case rule.bit != 0:
			text += " -j MARK --or-mark 0x" + strconv.FormatUint(uint64(rule.bit), 16)
		case !strings.Contains(text, "-j "):
			text += " -j MARK --or-mark 0x10"
		default:
			// Behind a target, marks show whether it ends the chain, and the mark of the connection.
			after = behindTarget(b.family)
			if inRaw, ok := strings.CutPrefix(text, "raw: "); ok {
				text, table = inRaw, "raw"
			}
		}
		if err := run(table, text); err != nil {
			b.refused++
			t.Logf("%s refuses: %s", b.program(), rule.text)
			continue
		}
		taken = append(taken, rule)
		for line := range strings.Lines(after) {
			require.NoError(t, run("mangle", strings.TrimSpace(line)))
		}
	}
	return script, taken
}

// readings returns what each reader says of the loaded rules.
func (b *ruleBench) readings(t *testing.T, script string, rules []singleRule) map[string]*reading {
	t.Helper()
	sets := b.setsOf(script)
	if sets != "" {
		script = "ipset restore <<'E'\n" + sets + "E\n" + script
	}
	saved, err := b.n.Run("", b.program()+"-save")
	require.NoError(t, err)
	all := map[string]*reading{"shell": readingIn("shell", script), "save": readingIn("save", sets+saved)}
	now, err := live.Read(b.n.Path())
	require.NoError(t, err)
	if b.backend == "legacy" {
		all["legacy-live"] = readingOf(now)
	} else {
		all["live"] = readingOf(now)
		list, err := b.n.List()
		require.NoError(t, err)
		all["nft"] = readWithoutRefused(list, rules)
		asJSON, err := b.n.Run("", "nft", "-j", "list", "ruleset")
		require.NoError(t, err)
		if strings.Contains(asJSON, `"xt"`) { // the names of extensions, without what they test
			_, err = importer.Read("json", strings.NewReader(asJSON))
			require.ErrorContains(t, err, "xtables")
		} else {
			all["json"] = readingIn("json", asJSON)
		}
	}
	return all
}
