package firewall

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/lvsmark/lvsmark/config"
	"github.com/lvsmark/lvsmark/internal/thread"
	"github.com/lvsmark/lvsmark/nft"
)

// FuzzFindings evaluates rules that no kernel sends. Findings must end, and each warning
// must name a rule and packets.
func FuzzFindings(f *testing.F) {
	seed := func(r *nft.Rule, s *nft.Set) {
		f.Add(r.Expressions, s.Flags, s.KeyLen, elementOf(s, 0).Key, elementOf(s, 0).Rest, elementOf(s, 1).Key, elementOf(s, 1).Rest)
	}
	for _, family := range nft.Families() {
		seedTables(nft.Compile(fuzzSpec(family)).Tables, seed)
	}
	seedTables(realTables(f), seed)
	f.Fuzz(func(t *testing.T, expressions string, flags, keyLen uint32, key1, rest1, key2, rest2 string) {
		set := &nft.Set{Flags: flags, KeyLen: keyLen, Elements: []nft.Element{{Key: key1, Rest: rest1}, {Key: key2, Rest: rest2}}}
		for _, family := range []nft.Family{nft.IPv4, nft.IPv6, nft.Inet, nft.Netdev} {
			for _, hook := range []uint32{0, 1, 2, 3, 4, 5} {
				table := fuzzTable(family, hook, expressions, set)
				for _, spec := range nft.Families() {
					found, err := Findings(fuzzSpec(spec), []*nft.Table{table}, inMemory{}, Tracking{IPVS: hook == 5})
					if err != nil {
						t.Fatal(err)
					}
					for _, n := range found {
						if n.Packets() == "" || n.Rule() == "" || n.String() == "" {
							t.Fatalf("a warning without rule or packets: %#v", n)
						}
					}
				}
				Marks(&nft.Ruleset{Tables: []*nft.Table{table}}, MarkQuery{})
			}
		}
	})
}

func elementOf(s *nft.Set, i int) (e nft.Element) {
	if i < len(s.Elements) {
		e = s.Elements[i]
	}
	return e
}

// seedTables calls seed for each rule and the set that it looks up.
func seedTables(tables []*nft.Table, seed func(*nft.Rule, *nft.Set)) {
	for _, t := range tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				set := &nft.Set{}
				for e := range r.All() {
					if lookup, ok := e.Typed(t.Family).(*expr.Lookup); ok && t.Set(lookup.SetName) != nil {
						set = t.Set(lookup.SetName)
					}
				}
				seed(r, set)
			}
		}
	}
}

// fuzzTable is a table with a chain at a hook, which has a rule twice and jumps by it
// into itself, and a set. The rule finds the set by whatever name it has for it.
func fuzzTable(family nft.Family, hook uint32, expressions string, set *nft.Set) *nft.Table {
	r := &nft.Rule{Expressions: expressions, Handle: 1}
	chain := &nft.Chain{Name: "c", Type: "filter", Hook: hook, Rules: []*nft.Rule{r, r}}
	table := &nft.Table{Family: family, Name: "t", Chains: []*nft.Chain{chain}}
	for e := range r.All() {
		switch typed := e.Typed(family).(type) {
		case *expr.Lookup:
			named := *set
			named.Name = typed.SetName
			table.Sets = append(table.Sets, &named)
		case *expr.Verdict:
			if typed.Chain != "" {
				chain.Name = typed.Chain
			}
		}
	}
	return table
}

func fuzzSpec(family nft.Family) *config.Spec {
	vip, server := "192.0.2.1", "10.0.0.1"
	if family == nft.IPv6 {
		vip, server = "2001:db8::1", "fd00::1"
	}
	spec, _, err := config.Parse("spec.yaml", strings.NewReader("{clusters: [{name: a, mark: 5, vips: [\""+vip+"\"], ftp: {active-data: {translate: snat}}, real-servers: [{address: \""+server+"\"}]}]}"))
	if err != nil {
		panic(err)
	}
	return spec
}

// realTables loads the rules of other programs and of nft's manual from the testdata of
// package nft, and reads them back. It returns none if it cannot change a namespace.
func realTables(f *testing.F) (tables []*nft.Table) {
	f.Helper()
	if _, err := exec.LookPath("nft"); err != nil || os.Geteuid() != 0 {
		return nil
	}
	thread.Run(func() {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return
		}
		loadReal(f)
		tables = readReal(f)
	})
	return tables
}

func loadReal(f *testing.F) {
	f.Helper()
	testdata := filepath.Join("..", "..", "nft", "testdata")
	files, _ := filepath.Glob(filepath.Join(testdata, "programs", "*"))
	for _, file := range files {
		program, args := "iptables-nft-restore", []string{"-n", file}
		if filepath.Ext(file) == ".nft" {
			program, args = "nft", []string{"-f", file}
		}
		_ = exec.Command(program, args...).Run() // the program may be missing
	}
	text, _ := os.ReadFile(filepath.Join(testdata, "statements.txt"))
	for line := range strings.Lines(string(text)) {
		// Statements for a common chain that use no object.
		if _, statement, ok := strings.Cut(strings.TrimSpace(line), "ip pre | "); ok && !strings.ContainsAny(statement, "@") && !strings.Contains(statement, "other") {
			cmd := exec.Command("nft", "-f", "-")
			cmd.Stdin = strings.NewReader("add table ip s\nadd chain ip s c { type filter hook prerouting priority 0; }\nadd rule ip s c " + statement + "\n")
			_ = cmd.Run() // an error: not supported by this kernel
		}
	}
}

func readReal(f *testing.F) []*nft.Table {
	f.Helper()
	conn, err := nft.Dial()
	if err != nil {
		f.Error(err)
		return nil
	}
	defer conn.Close()
	tables, err := conn.Foreign()
	if err != nil {
		f.Error(err)
	}
	for _, t := range tables {
		if t.Sets, err = conn.Sets(t); err != nil {
			f.Error(err)
		}
		for _, s := range t.Sets {
			for e, err := range conn.Elements(t, s) {
				if err != nil {
					f.Error(err)
				}
				s.Elements = append(s.Elements, e)
			}
		}
		for _, c := range t.Chains {
			for r, err := range conn.Rules(t, c) {
				if err != nil {
					f.Error(err)
				}
				c.Rules = append(c.Rules, r)
			}
		}
	}
	return tables
}
