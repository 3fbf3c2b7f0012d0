package nft

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/netlink"
)

// FuzzFindings has the walk through foreign tables decode what no kernel
// sends. Whatever it makes of it, it must come to its end, and count every rule.
func FuzzFindings(f *testing.F) {
	seed := func(chain, rule, set, elements []byte) { f.Add(chain, rule, set, elements) }
	for _, spec := range []*config.Spec{fuzzSpec(IPv4), fuzzSpec(IPv6)} {
		for _, m := range createAll(Compile(spec)) {
			seed(m.data, m.data, m.data, m.data)
		}
	}
	for _, d := range realDumps(f) {
		seed(d.chain, d.rule, d.set, d.elements)
	}
	f.Fuzz(func(t *testing.T, chain, rule, set, elements []byte) {
		for _, family := range []Family{IPv4, IPv6, Inet, Netdev} {
			for _, hook := range []uint32{0, 1, 5} {
				table := fuzzTable(family, hook, chain, rule, set, elements)
				if table == nil {
					return
				}
				for _, spec := range Families() {
					found, err := (&Conn{}).walkAll(fuzzSpec(spec), []*foreignTable{table}, stepLimit)
					if err != nil {
						t.Fatal(err)
					}
					for _, n := range found {
						if n.Packets == "" || n.String() == "" {
							t.Fatalf("a warning about nothing: %#v", n)
						}
					}
				}
			}
		}
	})
}

// fuzzTable is a table with a chain at a hook, which has a rule twice and jumps
// by it into itself, and a set; nil when the decoders refuse them.
func fuzzTable(family Family, hook uint32, chain, rule, set, elements []byte) *foreignTable {
	_, c, err := decodeChain(chain)
	if err != nil {
		return nil
	}
	_, _, r, err := decodeRule(rule)
	if err != nil {
		return nil
	}
	_, s, err := decodeSet(set)
	if err != nil || decodeElements(s, elements) != nil {
		return nil
	}
	c.Type, c.Hook = "filter", hook
	c.Rules = []*Rule{r, r}
	table := &foreignTable{family: family, name: "t", chains: map[string]*foreignChain{}, sets: map[string]*foreignSet{}}
	table.chains[c.Name] = &foreignChain{Chain: *c, table: table, devices: c.Devices}
	foreign := &foreignSet{Set: *s, read: true}
	foreign.answers = foreign.answersOf()
	// The rule finds the set by whatever name it has for it.
	for expression := range r.All() {
		if e := rawOf(expression); e.name == "lookup" {
			table.sets[e.text(unix.NFTA_LOOKUP_SET)] = foreign
		}
	}
	return table
}

// A realDump is what a kernel answers about a rule, its chain, and the set that
// it asks.
type realDump struct{ chain, rule, set, elements []byte }

// realDumps loads what testdata has of other programs and of nft's manual, and
// dumps it; nothing where this process may not.
func realDumps(f testing.TB) (dumps []realDump) {
	f.Helper()
	if _, err := exec.LookPath("nft"); err != nil || os.Geteuid() != 0 {
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return
		}
		loadRealRules(f)
		dumps = dumpAll(f)
	}()
	<-done
	return dumps
}

func loadRealRules(f testing.TB) {
	f.Helper()
	files, _ := filepath.Glob(filepath.Join("testdata", "programs", "*.nft"))
	for _, file := range files {
		if out, err := exec.Command("nft", "-f", file).CombinedOutput(); err != nil {
			f.Errorf("%s: %s", file, out)
		}
	}
	files, _ = filepath.Glob(filepath.Join("testdata", "programs", "*.rules"))
	for _, file := range files {
		cmd := exec.Command("iptables-nft-restore", "-n", file)
		_ = cmd.Run() // not everybody has it
	}
	script := ""
	text, _ := os.ReadFile(filepath.Join("testdata", "statements.txt"))
	for line := range strings.Lines(string(text)) {
		// Those of chains that any kernel has, and that name no object.
		if _, statement, ok := strings.Cut(strings.TrimSpace(line), "ip pre | "); ok && !strings.ContainsAny(statement, "@") && !strings.Contains(statement, "other") {
			script = "add table ip s\nadd chain ip s c { type filter hook prerouting priority 0; }\nadd rule ip s c " + statement + "\n"
			cmd := exec.Command("nft", "-f", "-")
			cmd.Stdin = strings.NewReader(script)
			_ = cmd.Run() // what this kernel lacks is no seed
		}
	}
}

func dumpAll(f testing.TB) []realDump {
	f.Helper()
	c, err := Dial()
	if err != nil {
		f.Error(err)
		return nil
	}
	defer c.Close()
	raw := func(typ uint16, family byte, filter []byte) (entries []entry) {
		for e, err := range c.dump(typ, family, filter) {
			if err != nil {
				f.Error(err)
				return nil
			}
			entries = append(entries, entry{e.family, bytes.Clone(e.data)})
		}
		return entries
	}
	chains, sets, elements := map[string][]byte{}, map[string][]byte{}, map[string][]byte{}
	for _, e := range raw(unix.NFT_MSG_GETCHAIN, 0, nil) {
		table, chain, _ := decodeChain(e.data)
		chains[string(rune(e.family))+table+" "+chain.Name] = e.data
	}
	for _, e := range raw(unix.NFT_MSG_GETSET, 0, nil) {
		table, set, _ := decodeSet(e.data)
		name := string(rune(e.family)) + table + " " + set.Name
		sets[name] = e.data
		filter := netlink.AppendText(nil, unix.NFTA_SET_ELEM_LIST_TABLE, table)
		for _, e := range raw(unix.NFT_MSG_GETSETELEM, e.family, netlink.AppendText(filter, unix.NFTA_SET_ELEM_LIST_SET, set.Name)) {
			elements[name] = e.data
		}
	}
	var dumps []realDump
	for _, e := range raw(unix.NFT_MSG_GETRULE, 0, nil) {
		table, chain, rule, _ := decodeRule(e.data)
		d := realDump{chain: chains[string(rune(e.family))+table+" "+chain], rule: e.data}
		for expression := range rule.All() {
			if x := rawOf(expression); x.name == "lookup" {
				name := string(rune(e.family)) + table + " " + x.text(unix.NFTA_LOOKUP_SET)
				d.set, d.elements = sets[name], elements[name]
			}
		}
		dumps = append(dumps, d)
	}
	return dumps
}
